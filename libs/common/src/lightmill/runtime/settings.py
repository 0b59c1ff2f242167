"""Settings that services share: environment variables, and secrets as files."""

import sys
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from lightmill.domain.path_rules import PathRule
from lightmill.runtime.secrets import weakness

_SECRETS = Path("/run/secrets")
_PASSWORDS = (
    ("database_url", "database_password"),
    ("amqp_url", "amqp_password"),
    ("redis_url", "redis_password"),
    ("s3_endpoint", "s3_access_key"),
    ("s3_endpoint", "s3_secret_key"),
)
_NAMES = frozenset({"s3_access_key"})  # the name of an account: it must be there, not be secret


class Settings(BaseSettings):
    """Where the backing parts are and how to log in to them.

    Each field is read from the environment variable `LIGHTMILL_<FIELD>`, or from the file
    `/run/secrets/lightmill_<field>`. A part whose address is set needs a password that nobody
    can guess; a file database, `sqlite+aiosqlite:///…`, needs none.

    Attributes:
        database_url: `mysql+asyncmy://user@host:3306/schema` or `sqlite+aiosqlite:///path`.
        amqp_url: `amqp://user@host:5672/vhost`.
        redis_url: `redis://user@host:6379/0`.
        s3_endpoint: Where services reach the object store.
        s3_public_endpoint: Where browsers do; None means the same.
        path_rules: Where nodes find what scenes name by an absolute path, as a JSON list:
            `[{"source": "P:/wolf", "target": "/mnt/wolf", "system": "linux"}]`. The longest
            source wins; a target that is not absolute stands in the bundle.
    """

    model_config = SettingsConfigDict(
        env_prefix="LIGHTMILL_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    database_url: str | None = None
    database_password: SecretStr | None = None
    amqp_url: str | None = None
    amqp_password: SecretStr | None = None
    redis_url: str | None = None
    redis_password: SecretStr | None = None
    s3_endpoint: str | None = None
    s3_public_endpoint: str | None = None
    s3_access_key: SecretStr | None = None
    s3_secret_key: SecretStr | None = None
    s3_bucket: str = "lightmill"
    s3_region: str = "us-east-1"
    log_level: str = "INFO"
    path_rules: tuple[PathRule, ...] = ()

    @model_validator(mode="after")
    def _refuse_weak_passwords(self) -> Self:
        faults = [fault for pair in _PASSWORDS for fault in self._faults(*pair)]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _faults(self, address: str, password: str) -> list[str]:
        url: str | None = getattr(self, address)
        if url is None or url.startswith("sqlite"):
            return []
        if urlsplit(url).password is not None:
            return [f"{_variable(address)} holds a password; move it to {_source(password)}"]
        secret: SecretStr | None = getattr(self, password)
        fault = weakness(secret)
        if fault is None or (password in _NAMES and secret is not None and len(secret) > 0):
            return []
        return [f"{_variable(password)} {fault}; put a random one into {_source(password)}"]


Kind = TypeVar("Kind", bound=BaseSettings)


def read(kind: type[Kind], secrets: Path = _SECRETS) -> Kind:
    """Return the settings of a service, or end the process with what is wrong and the remedy."""
    folder = secrets if secrets.is_dir() else None
    try:
        return kind(_secrets_dir=folder)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            where = ".".join(map(str, fault["loc"]))
            sys.stderr.write(f"settings: {where + ': ' if where else ''}{fault['msg']}\n")
        sys.stderr.write("`make up` makes every secret and hands it to the services\n")
        sys.exit(2)


def _variable(field: str) -> str:
    return f"LIGHTMILL_{field.upper()}"


def _source(field: str) -> str:
    return f"{_SECRETS / ('lightmill_' + field)} or the variable {_variable(field)}"

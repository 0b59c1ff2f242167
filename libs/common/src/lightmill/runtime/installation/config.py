"""Settings of the set-up: the administrators' log-ins, and the passwords to hand out."""

from pathlib import Path
from typing import Self

from pydantic import SecretStr, model_validator

from lightmill.runtime.secrets import weakness
from lightmill.runtime.settings import Settings

_HANDED_OUT = (
    "database_api_password",
    "database_scheduler_password",
    "database_analyzer_password",
    "amqp_api_password",
    "amqp_scheduler_password",
    "amqp_analyzer_password",
    "amqp_node_password",
)


class InstallationSettings(Settings):
    """What set-up needs; `database_url` and `amqp_url` name administrators.

    A part whose address is not set is left alone. The passwords of the services' accounts are
    needed where the part has accounts: MySQL and RabbitMQ.

    Attributes:
        management_url: RabbitMQ's management interface, `http://rabbitmq:15672`.
        cors_origins: Web pages that may upload to the object store from a browser.
        token_folder: Where the first tokens are written.
    """

    database_api_password: SecretStr | None = None
    database_scheduler_password: SecretStr | None = None
    database_analyzer_password: SecretStr | None = None
    amqp_api_password: SecretStr | None = None
    amqp_scheduler_password: SecretStr | None = None
    amqp_analyzer_password: SecretStr | None = None
    amqp_node_password: SecretStr | None = None
    management_url: str = "http://rabbitmq:15672"
    cors_origins: tuple[str, ...] = ("*",)
    token_folder: Path = Path("tokens")

    @model_validator(mode="after")
    def _refuse_weak_accounts(self) -> Self:
        faults = [
            f"LIGHTMILL_{field.upper()} {fault}; make one with `openssl rand -hex 24`"
            for field in _HANDED_OUT
            if self._has_accounts(field) and (fault := weakness(getattr(self, field)))
        ]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _has_accounts(self, field: str) -> bool:
        if field.startswith("amqp"):
            return self.amqp_url is not None
        return self.database_url is not None and not self.database_url.startswith("sqlite")

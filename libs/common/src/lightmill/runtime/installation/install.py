"""Puts the backing parts of a farm in order."""

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

import structlog
from pydantic import SecretStr
from sqlalchemy.exc import OperationalError

from lightmill.broker.rabbitmq import declare_topology
from lightmill.runtime.clock import Clock
from lightmill.runtime.installation.bucket import prepare_bucket
from lightmill.runtime.installation.config import InstallationSettings
from lightmill.runtime.installation.rabbitmq import Management
from lightmill.runtime.installation.tokens import first_tokens
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.grants import grant
from lightmill.storage.sql.migration import upgrade

LOG = structlog.get_logger(__name__)
_ACCESS_DENIED = 1045


class OtherSecretsError(Exception):
    """What a part holds was made with other secrets than those that are here now."""


async def install(settings: InstallationSettings, clock: Clock) -> None:
    """Bring every part that `settings` name to what this release needs.

    Everything that is right already is left as it is, so that this can run at each start.

    Raises:
        OtherSecretsError: the database turns its keeper away.
    """
    if settings.database_url is not None:
        await _database(settings, clock, settings.database_url)
    if settings.s3_endpoint is not None:
        await prepare_bucket(
            endpoint=settings.s3_endpoint,
            access_key=_plain(settings.s3_access_key),
            secret_key=_plain(settings.s3_secret_key),
            region=settings.s3_region,
            bucket=settings.s3_bucket,
            origins=settings.cors_origins,
        )
        LOG.info("bucket ready", bucket=settings.s3_bucket)
    if settings.amqp_url is not None:
        await _broker(settings, settings.amqp_url)


async def _database(settings: InstallationSettings, clock: Clock, url: str) -> None:
    password = settings.database_password
    database = Database.open(url, None if password is None else _plain(password))
    try:
        await _enter(database)
        await upgrade(database)
        LOG.info("schema ready", database=str(database.url))
        if database.dialect == "mysql":
            for account, secret in _database_accounts(settings).items():
                await grant(database, account, _plain(secret))
        await first_tokens(database, settings.token_folder, clock)
        LOG.info("tokens ready", folder=str(settings.token_folder))
    finally:
        await database.close()


async def _enter(database: Database) -> None:
    try:
        await database.answers()
    except OperationalError as error:
        if error.orig is None or error.orig.args[0] != _ACCESS_DENIED:
            raise
        raise OtherSecretsError(
            f"{database.url} refuses this password: what it holds was made with other secrets. "
            "Put those back (compose: the folder deploy/compose/secrets of the copy that it was "
            "started from), or delete what it holds (compose: make down ERASE=1)"
        ) from error


async def _broker(settings: InstallationSettings, url: str) -> None:
    address = urlsplit(url)
    password = _plain(settings.amqp_password)
    vhost = unquote(address.path.removeprefix("/")) or "/"
    management = Management(settings.management_url, address.username or "", password, vhost)
    passwords = {account: _plain(secret) for account, secret in _broker_accounts(settings).items()}
    await management.prepare(passwords)
    await declare_topology(url, password)
    LOG.info("broker ready", accounts=sorted(passwords))


def _database_accounts(settings: InstallationSettings) -> Mapping[str, SecretStr | None]:
    return {
        "lightmill_api": settings.database_api_password,
        "lightmill_scheduler": settings.database_scheduler_password,
        "lightmill_analyzer": settings.database_analyzer_password,
    }


def _broker_accounts(settings: InstallationSettings) -> Mapping[str, SecretStr | None]:
    return {
        "lightmill_api": settings.amqp_api_password,
        "lightmill_scheduler": settings.amqp_scheduler_password,
        "lightmill_analyzer": settings.amqp_analyzer_password,
        "lightmill_node": settings.amqp_node_password,
    }


def _plain(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()

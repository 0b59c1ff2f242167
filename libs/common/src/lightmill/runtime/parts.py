"""The backing parts that a service is put together on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from lightmill.broker.ports import Broker
from lightmill.runtime.clock import Clock, SystemClock
from lightmill.runtime.settings import Settings
from lightmill.storage.ports import ObjectStore, StatusCache
from lightmill.storage.sql.database import Database


class PartMissingError(Exception):
    """The address of a part that is needed has not been set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every service but the node stands on."""

    database: Database
    broker: Broker
    store: ObjectStore
    cache: StatusCache
    clock: Clock


@asynccontextmanager
async def real_parts(settings: Settings) -> AsyncIterator[Parts]:
    """Give the parts that `settings` name, and close them on leaving the block.

    None of them is asked for anything yet: a part that is away is noticed by who uses it first.

    Raises:
        PartMissingError: an address is not set.
    """
    # A farm in one process builds its own parts and starts faster without these libraries.
    from lightmill.storage.cache.redis import RedisStatusCache  # noqa: PLC0415  # see above

    url = _needed("database_url", settings.database_url)
    database = Database.open(url, _plain(settings.database_password))
    cache = RedisStatusCache(
        _needed("redis_url", settings.redis_url), _plain(settings.redis_password)
    )
    try:
        yield Parts(
            database=database,
            broker=broker(settings),
            store=object_store(settings),
            cache=cache,
            clock=SystemClock(),
        )
    finally:
        await cache.close()
        await database.close()


def broker(settings: Settings) -> Broker:
    """Return the broker that `settings` name; all that a render node needs of the parts.

    Raises:
        PartMissingError: its address is not set.
    """
    from lightmill.broker.rabbitmq import RabbitMQ  # noqa: PLC0415  # as in `real_parts`

    return RabbitMQ(_needed("amqp_url", settings.amqp_url), _plain(settings.amqp_password))


def object_store(settings: Settings) -> ObjectStore:
    """Return the object store that `settings` name.

    Raises:
        PartMissingError: its address is not set.
    """
    from lightmill.storage.objects.s3 import S3Store  # noqa: PLC0415  # as in `real_parts`

    endpoint = _needed("s3_endpoint", settings.s3_endpoint)
    return S3Store(
        endpoint=endpoint,
        public_endpoint=settings.s3_public_endpoint or endpoint,
        access_key=_plain(settings.s3_access_key) or "",
        secret_key=_plain(settings.s3_secret_key) or "",
        bucket=settings.s3_bucket,
        region=settings.s3_region,
    )


def _needed(field: str, value: str | None) -> str:
    if value is None:
        raise PartMissingError(f"set LIGHTMILL_{field.upper()}: this service cannot do without")
    return value


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()

"""Real MySQL, RabbitMQ and Redis, and a schema of each run's own on them."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from lightmill.broker.rabbitmq import RabbitMQ, declare_topology
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.migration import upgrade
from lightmill.testing.containers import (
    MysqlServer,
    RabbitServer,
    RedisServer,
    mysql,
    rabbitmq,
    redis,
)
from lightmill.testing.databases import create_schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """The servers that every part of the benchmark shares."""

    mysql: MysqlServer
    rabbitmq: RabbitServer
    redis: RedisServer

    @property
    def broker(self) -> RabbitMQ:
        """Return the broker as services see it."""
        return RabbitMQ(self.rabbitmq.url, self.rabbitmq.password)

    def amqp(self, vhost: str = "lightmill") -> str:
        """Return the broker's URL with its password, as other projects' workers take it."""
        login = f"{self.rabbitmq.user}:{self.rabbitmq.password}"
        place = self.rabbitmq.url.partition("@")[2].partition("/")[0]
        return f"amqp://{login}@{place}/{vhost}"

    def environment(self, schema: str) -> Mapping[str, str]:
        """Return the settings of a service that works on `schema`."""
        return {
            "LIGHTMILL_DATABASE_URL": self.mysql.url(schema),
            "LIGHTMILL_DATABASE_PASSWORD": self.mysql.password,
            "LIGHTMILL_AMQP_URL": self.rabbitmq.url,
            "LIGHTMILL_AMQP_PASSWORD": self.rabbitmq.password,
            "LIGHTMILL_REDIS_URL": self.redis.url,
            "LIGHTMILL_REDIS_PASSWORD": self.redis.password,
            # Of the store only the sweep of day-old files would ask anything, and none is.
            "LIGHTMILL_S3_ENDPOINT": "http://127.0.0.1:1",
            "LIGHTMILL_S3_ACCESS_KEY": "bench",
            "LIGHTMILL_S3_SECRET_KEY": secrets.token_hex(16),
        }


@contextmanager
def servers() -> Iterator[Servers]:
    """Give servers for the block."""
    with mysql() as sql, rabbitmq() as broker, redis() as cache:
        yield Servers(mysql=sql, rabbitmq=broker, redis=cache)


async def new_schema(on: Servers) -> str:
    """Return the name of a MySQL schema with empty tables; the broker's topology stands too."""
    name = f"drain_{secrets.token_hex(4)}"
    await create_schema(on.mysql, name)
    database = Database.open(on.mysql.url(name), on.mysql.password)
    await upgrade(database)
    await database.close()
    await declare_topology(on.rabbitmq.url, on.rabbitmq.password)
    return name

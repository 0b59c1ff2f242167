"""Where links to RabbitMQ come from."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aio_pika
from aio_pika.abc import AbstractConnection
from typing_extensions import override
from yarl import URL

from lightmill.broker.ports import Broker, Link, LinkLostError
from lightmill.broker.rabbitmq.link import RabbitMQLink
from lightmill.broker.rabbitmq.liveness import FAULTS, words

HEARTBEAT_SECONDS = 10
"""RabbitMQ advises 5 to 20. At 10 the broker drops a silent peer after 20 s, which an event loop
on a machine that renders on every core does not reach; a peer notices a silent broker after 33 s
(aiormq waits three beats), or sooner when it publishes (`liveness.ANSWER_SECONDS`)."""
_CONNECT_SECONDS = 10.0
_CLOSE_SECONDS = 5.0

# What these report is reported by LinkLostError, to the one who can act on it.
for _name in ("aiormq", "aio_pika"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class RabbitMQ(Broker):
    """The server at an `amqp://user@host:port/vhost` URL."""

    def __init__(self, url: str, password: str | None = None) -> None:
        self._url = URL(url) if password is None else URL(url).with_password(password)

    @override
    @asynccontextmanager
    async def connect(self, name: str) -> AsyncIterator[Link]:
        connection = await connect(self._url, name)
        link = RabbitMQLink(connection)
        try:
            await link.open()
            yield link
        finally:
            link.end()
            await close(connection)


async def connect(url: URL, name: str) -> AbstractConnection:
    """Return an open connection that the management console shows under `name`.

    Raises:
        LinkLostError: no broker answers, or it turns us away.
    """
    connection = aio_pika.Connection(
        url.update_query(heartbeat=HEARTBEAT_SECONDS), client_properties={"connection_name": name}
    )
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await connection.connect()
    except BaseException as error:
        await close(connection)  # or its destructor tries to, in whatever loop runs then
        if not isinstance(error, FAULTS):
            raise
        place = f"{url.host}:{url.port}{url.path}"
        raise LinkLostError(f"no broker at {place} for {name}: {words(error)}") from error
    return connection


async def close(connection: AbstractConnection) -> None:
    """Close `connection`, politely if the broker still listens."""
    with suppress(*FAULTS):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await connection.close()
    if not connection.is_closed:  # the transport has been given up above: this settles the state
        await connection.close()

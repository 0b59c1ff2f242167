"""The durable queues of a real RabbitMQ that tests share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
from aio_pika.abc import AbstractChannel
from yarl import URL

from lightmill.broker.rabbitmq import declare_topology
from lightmill.messages.topology import DURABLE_QUEUES, Queue
from lightmill.testing.containers import RabbitServer

_PATIENCE_S = 30.0
_LOOK_S = 0.01


async def empty_queues(server: RabbitServer) -> None:
    """Make the topology in `server`, with nothing in its queues and nobody who reads them."""
    await declare_topology(server.url, server.password)
    async with _channel(server) as channel:
        for queue in DURABLE_QUEUES:
            await _unread(channel, queue)
            await (await channel.get_queue(queue.name, ensure=False)).purge()


async def given_back(server: RabbitServer, queue: Queue) -> None:
    """Return when nobody reads `queue` any more: what was not settled is in it again.

    A connection is closed before the broker has given back what it held.
    """
    async with _channel(server) as channel:
        await _unread(channel, queue)


@asynccontextmanager
async def _channel(server: RabbitServer) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(URL(server.url).with_password(server.password))
    async with connection, connection.channel() as channel:
        yield channel


async def _unread(channel: AbstractChannel, queue: Queue) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while await _readers(channel, queue):  # noqa: ASYNC110  # the broker tells nobody
            await asyncio.sleep(_LOOK_S)


async def _readers(channel: AbstractChannel, queue: Queue) -> int:
    seen = await channel.declare_queue(queue.name, passive=True)
    return seen.declaration_result.consumer_count or 0

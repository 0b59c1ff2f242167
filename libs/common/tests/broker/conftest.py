"""Both brokers behind one fixture, each with its topology made and its queues empty."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import aio_pika
import pytest
from yarl import URL

from lightmill.broker.in_process import InProcessBroker
from lightmill.broker.ports import Broker
from lightmill.broker.rabbitmq import RabbitMQ, declare_topology
from lightmill.messages.topology import DURABLE_QUEUES
from lightmill.testing.containers import RabbitServer


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUnderTest:
    """`cut` loses every link from the broker's side."""

    broker: Broker
    cut: Callable[[], Awaitable[None]]


@pytest.fixture(params=["in_process", pytest.param("rabbitmq", marks=pytest.mark.backing)])
async def under_test(request: pytest.FixtureRequest) -> AsyncIterator[BrokerUnderTest]:
    if request.param == "rabbitmq":
        server: RabbitServer = request.getfixturevalue("rabbitmq_server")
        await _make_ready(server)

        async def close_connections() -> None:
            command = ["rabbitmqctl", "close_all_connections", "--global", "cut"]
            code, output = await asyncio.to_thread(server.container.exec, command)
            assert code == 0, output

        rabbitmq = RabbitMQ(server.url, server.password)
        yield BrokerUnderTest(broker=rabbitmq, cut=close_connections)
    else:
        in_process = InProcessBroker(DURABLE_QUEUES)

        async def drop_links() -> None:
            in_process.drop_links()

        yield BrokerUnderTest(broker=in_process, cut=drop_links)


@pytest.fixture
def broker(under_test: BrokerUnderTest) -> Broker:
    return under_test.broker


async def _make_ready(server: RabbitServer) -> None:
    await declare_topology(server.url, server.password)
    connection = await aio_pika.connect(URL(server.url).with_password(server.password))
    async with connection, connection.channel() as channel:
        for queue in DURABLE_QUEUES:
            await (await channel.get_queue(queue.name, ensure=False)).purge()

"""Both brokers behind one fixture, each with its topology made and its queues empty."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import pytest

from lightmill.broker.in_process import InProcessBroker
from lightmill.broker.ports import Broker
from lightmill.broker.rabbitmq import RabbitMQ
from lightmill.messages.topology import DURABLE_QUEUES, Queue
from lightmill.testing.containers import RabbitServer
from lightmill.testing.queues import empty_queues, given_back


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUnderTest:
    """`cut` loses every link from the broker's side.

    `given_back` returns when a queue has what links that have been left had not settled.
    """

    broker: Broker
    cut: Callable[[], Awaitable[None]]
    given_back: Callable[[Queue], Awaitable[None]]


@pytest.fixture(params=["in_process", pytest.param("rabbitmq", marks=pytest.mark.backing)])
async def under_test(request: pytest.FixtureRequest) -> AsyncIterator[BrokerUnderTest]:
    if request.param == "rabbitmq":
        server: RabbitServer = request.getfixturevalue("rabbitmq_server")
        await empty_queues(server)

        async def close_connections() -> None:
            command = ["rabbitmqctl", "close_all_connections", "--global", "cut"]
            code, output = await asyncio.to_thread(server.container.exec, command)
            assert code == 0, output

        rabbitmq = RabbitMQ(server.url, server.password)
        yield BrokerUnderTest(
            broker=rabbitmq, cut=close_connections, given_back=partial(given_back, server)
        )
    else:
        in_process = InProcessBroker(DURABLE_QUEUES)

        async def drop_links() -> None:
            in_process.drop_links()

        async def at_once(_: Queue) -> None:
            """It gives back what was not settled as a link is left."""

        yield BrokerUnderTest(broker=in_process, cut=drop_links, given_back=at_once)


@pytest.fixture
def broker(under_test: BrokerUnderTest) -> Broker:
    return under_test.broker

"""What can be seen of the RabbitMQ adapter where there is no broker."""

import asyncio
import gc

import pytest

from lightmill.broker.ports import LinkLostError
from lightmill.broker.rabbitmq import RabbitMQ, declare_topology

NOWHERE = "amqp://user@127.0.0.1:1/lightmill"


async def test_no_broker_is_told_with_the_address() -> None:
    with pytest.raises(LinkLostError, match=r"127\.0\.0\.1:1/lightmill for test") as caught:
        async with RabbitMQ(NOWHERE, "not shown").connect("test"):
            pass
    assert "not shown" not in str(caught.value)
    with pytest.raises(LinkLostError, match=r"127\.0\.0\.1:1/lightmill"):
        await declare_topology(NOWHERE, "password")


def test_a_refused_connection_leaves_nothing_to_clean_up() -> None:
    async def refused() -> None:
        with pytest.raises(LinkLostError):
            async with RabbitMQ(NOWHERE, "password").connect("test"):
                pass

    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(refused())
        gc.collect()  # what is left over would now call for a loop that does not run
    finally:
        loop.close()

"""A call ends with its connection, however the driver says so."""

import asyncio

import pytest

from lightmill.broker.ports import LinkLostError
from lightmill.broker.rabbitmq.liveness import Liveness


async def test_a_call_that_the_driver_cancels_counts_as_a_lost_link() -> None:
    life = Liveness()
    answer = asyncio.get_running_loop().create_future()
    answer.set_exception(asyncio.CancelledError())  # what aiormq tells who waits as it closes

    async def publish() -> None:
        await asyncio.gather(answer)

    with pytest.raises(LinkLostError):
        await life.during(publish())
    await asyncio.wait_for(life.wait(), 1)


async def test_a_caller_that_is_cancelled_stays_cancelled_and_the_link_stands() -> None:
    life = Liveness()
    call = asyncio.create_task(life.during(asyncio.Event().wait()))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    life.check()

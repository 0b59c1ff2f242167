"""A link that is lost says so everywhere, and another takes over what was unsettled."""

import asyncio
from typing import Protocol

import pytest

from lightmill.broker.ports import Broker, LinkLostError, Outgoing
from lightmill.messages.topology import COMMANDS, SCHEDULER_INBOX, session_queue


class UnderTest(Protocol):
    broker: Broker

    async def cut(self) -> None: ...


def doorbell(number: int) -> Outgoing:
    body = b"%d" % number
    return Outgoing(exchange=COMMANDS, key="job.wanted.v1", kind="job.wanted.v1", body=body)


async def test_every_call_on_a_lost_link_says_so(under_test: UnderTest) -> None:
    async with under_test.broker.connect("test") as link:
        inbox = await link.subscribe(SCHEDULER_INBOX)
        await link.publish([doorbell(1), doorbell(2)])
        delivery = (await inbox.receive(1))[0]
        await under_test.cut()
        await asyncio.wait_for(link.lost(), 10)
        with pytest.raises(LinkLostError):
            await link.publish([doorbell(3)])
        with pytest.raises(LinkLostError):  # although a message is there to be handed out
            await inbox.receive(1)
        with pytest.raises(LinkLostError):
            await inbox.settle(delivery)
        with pytest.raises(LinkLostError):
            await inbox.bury(delivery, "late")
        with pytest.raises(LinkLostError):
            await link.subscribe(session_queue("n1", "s1"))
        await asyncio.wait_for(link.lost(), 1)  # still


async def test_who_waits_is_woken_by_the_loss(under_test: UnderTest) -> None:
    async with under_test.broker.connect("test") as link:
        inbox = await link.subscribe(SCHEDULER_INBOX)
        waiting = [asyncio.create_task(inbox.receive(1)), asyncio.create_task(link.lost())]
        await asyncio.sleep(0)
        await under_test.cut()
        received, lost = await asyncio.wait_for(
            asyncio.gather(*waiting, return_exceptions=True), 10
        )
        assert isinstance(received, LinkLostError)
        assert lost is None


async def test_a_new_link_gets_what_the_lost_one_had_not_settled(under_test: UnderTest) -> None:
    async with under_test.broker.connect("first") as link:
        inbox = await link.subscribe(SCHEDULER_INBOX)
        await link.publish([doorbell(n) for n in range(5)])
        deliveries = await inbox.receive(1)
        await inbox.settle(deliveries[0])
        await under_test.cut()
        await asyncio.wait_for(link.lost(), 10)
    async with under_test.broker.connect("second") as link, asyncio.timeout(10):
        inbox = await link.subscribe(SCHEDULER_INBOX)
        got: list[int] = []
        while len(got) < 4:
            got += [int(delivery.body) for delivery in await inbox.receive(10)]
    assert got == [1, 2, 3, 4]


async def test_a_link_that_is_left_is_lost_to_who_still_holds_it(under_test: UnderTest) -> None:
    async with under_test.broker.connect("test") as link:
        inbox = await link.subscribe(SCHEDULER_INBOX)
    await asyncio.wait_for(link.lost(), 5)
    with pytest.raises(LinkLostError):
        await link.publish([doorbell(1)])
    with pytest.raises(LinkLostError):
        await inbox.receive(1)

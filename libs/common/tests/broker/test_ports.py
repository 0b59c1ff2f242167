"""What the services rely on, held against both brokers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import pytest

from lightmill.broker.ports import Broker, Delivery, Inbox, Link, LinkLostError, Outgoing
from lightmill.messages.topology import (
    ANALYZER_INBOX,
    COMMANDS,
    DEAD_LETTERS,
    EVENTS,
    NODES,
    SCHEDULER_INBOX,
    Queue,
    events_queue,
    session_key,
    session_queue,
)

NOTHING_COMES = 0.3  # seconds; long for a broker on this machine


def doorbell(number: int) -> Outgoing:
    body = b"%d" % number
    return Outgoing(exchange=COMMANDS, key="job.wanted.v1", kind="job.wanted.v1", body=body)


def order(session: str, *, mandatory: bool = True) -> Outgoing:
    key = session_key("n1", session)
    return Outgoing(exchange=NODES, key=key, kind="orders.v1", body=b"{}", mandatory=mandatory)


def event(key: str) -> Outgoing:
    return Outgoing(exchange=EVENTS, key=key, kind=key, body=b"{}")


async def receive(inbox: Inbox, count: int) -> list[Delivery]:
    """Return exactly `count` messages, in whatever batches they come."""
    got: list[Delivery] = []
    async with asyncio.timeout(30):
        while len(got) < count:
            batch = await inbox.receive(count - len(got))
            assert 1 <= len(batch) <= count - len(got)
            got += batch
    return got


def numbers(deliveries: Sequence[Delivery]) -> list[int]:
    return [int(delivery.body) for delivery in deliveries]


async def nothing_comes(inbox: Inbox) -> bool:
    try:
        async with asyncio.timeout(NOTHING_COMES):
            await inbox.receive(1)
    except TimeoutError:
        return True
    return False


async def test_many_messages_arrive_in_the_order_in_which_they_were_published(
    broker: Broker,
) -> None:
    async with broker.connect("test") as link:
        assert await link.publish([doorbell(n) for n in range(2500)]) == [True] * 2500
        inbox = await link.subscribe(SCHEDULER_INBOX)
        got: list[int] = []
        while len(got) < 2500:
            batch = await inbox.receive(400)
            got += numbers(batch)
            await inbox.settle(batch[-1])
        assert got == list(range(2500))


async def test_publishing_nothing_is_confirmed_at_once(broker: Broker) -> None:
    async with broker.connect("test") as link:
        assert await link.publish([]) == []


async def test_a_message_arrives_as_it_was_sent(broker: Broker) -> None:
    sent = Outgoing(
        exchange=COMMANDS,
        key="job.wanted.v1",
        kind="job.wanted.v1",
        body='{"job_id":"ünï\\u0000"}'.encode(),
        headers={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    )
    async with broker.connect("test") as link:
        await link.publish([sent])
        (came,) = await receive(await link.subscribe(SCHEDULER_INBOX), 1)
    assert (came.kind, came.key, came.body) == (sent.kind, sent.key, sent.body)
    assert came.headers == sent.headers


async def test_a_mandatory_message_that_no_queue_takes_is_told(broker: Broker) -> None:
    async with broker.connect("test") as link:
        await link.subscribe(session_queue("n1", "alive"))
        messages = [
            order("alive"),
            order("gone"),
            order("gone", mandatory=False),
            order("alive"),
            order("gone too"),
        ]
        assert await link.publish(messages) == [True, False, True, True, False]


async def test_a_topic_pattern_chooses(broker: Broker) -> None:
    async with broker.connect("test") as link:
        jobs = await link.subscribe(events_queue("a", "job.#"))
        first_versions = await link.subscribe(events_queue("b", "*.changed.v1", "frames.*.v1"))
        await link.publish([event("job.changed.v1"), event("node.changed.v1")])
        await link.publish([event("frames.rendered.v1"), event("job.changed.v2")])
        assert [d.key for d in await receive(jobs, 2)] == ["job.changed.v1", "job.changed.v2"]
        assert [d.key for d in await receive(first_versions, 3)] == [
            "job.changed.v1",
            "node.changed.v1",
            "frames.rendered.v1",
        ]


async def test_one_queue_bound_twice_takes_a_message_once(broker: Broker) -> None:
    async with broker.connect("test") as link:
        inbox = await link.subscribe(events_queue("twice", "job.#", "#"))
        await link.publish([event("job.changed.v1"), event("node.changed.v1")])
        await receive(inbox, 2)
        assert await nothing_comes(inbox)


class UnderTest(Protocol):
    broker: Broker

    async def given_back(self, queue: Queue) -> None: ...


async def test_what_is_not_settled_comes_again_in_order(under_test: UnderTest) -> None:
    broker = under_test.broker
    async with broker.connect("first") as link:
        await link.publish([doorbell(n) for n in range(10)])
        inbox = await link.subscribe(SCHEDULER_INBOX)
        deliveries = await receive(inbox, 7)
        await inbox.settle(deliveries[2])
    await under_test.given_back(SCHEDULER_INBOX)
    async with broker.connect("second") as link:
        await link.publish([doorbell(10)])
        inbox = await link.subscribe(SCHEDULER_INBOX)
        assert numbers(await receive(inbox, 8)) == list(range(3, 11))


async def test_settling_covers_everything_before_and_nothing_after(broker: Broker) -> None:
    async with broker.connect("first") as link:
        await link.publish([doorbell(n) for n in range(6)])
        inbox = await link.subscribe(SCHEDULER_INBOX)
        deliveries = await receive(inbox, 6)
        assert [d.tag for d in deliveries] == sorted({d.tag for d in deliveries})
        await inbox.settle(deliveries[3])
        await inbox.settle(deliveries[1])  # settled already: no fault
        await inbox.settle(deliveries[3])
    async with broker.connect("second") as link:
        assert numbers(await receive(await link.subscribe(SCHEDULER_INBOX), 2)) == [4, 5]


async def test_a_durable_queue_keeps_what_comes_while_nobody_reads(broker: Broker) -> None:
    async with broker.connect("writer") as link:
        assert await link.publish([doorbell(1)]) == [True]
    async with broker.connect("reader") as link:
        assert numbers(await receive(await link.subscribe(SCHEDULER_INBOX), 1)) == [1]


async def test_an_exclusive_queue_dies_with_its_link(broker: Broker) -> None:
    async with broker.connect("leader") as leader:
        async with broker.connect("node") as node:
            await node.subscribe(session_queue("n1", "s1"))
            assert await leader.publish([order("s1")]) == [True]
        async with asyncio.timeout(30):
            while await leader.publish([order("s1")]) != [False]:
                continue  # each look is a round trip to the broker
        async with broker.connect("node") as node:
            inbox = await node.subscribe(session_queue("n1", "s1"))
            assert await nothing_comes(inbox)


async def test_an_exclusive_queue_is_refused_to_others(broker: Broker) -> None:
    queue = session_queue("n1", "s1")
    async with broker.connect("first") as first, broker.connect("second") as second:
        inbox = await first.subscribe(queue)
        with pytest.raises(LinkLostError):
            await second.subscribe(queue)
        await first.publish([order("s1")])
        assert len(await receive(inbox, 1)) == 1


async def test_a_buried_message_lies_among_the_dead_with_the_reason(broker: Broker) -> None:
    async with broker.connect("test") as link:
        await link.publish([doorbell(1)])
        inbox = await link.subscribe(SCHEDULER_INBOX)
        (delivery,) = await receive(inbox, 1)
        await inbox.bury(delivery, "no version: field required")
        (dead,) = await receive(await link.subscribe(DEAD_LETTERS), 1)
    assert dead.body == b"1"
    assert (dead.key, dead.kind) == ("job.wanted.v1", "job.wanted.v1")
    assert dead.headers["reason"] == "no version: field required"
    assert dead.headers["queue"] == "scheduler.inbox"


async def test_burying_settles_one_message_alone(broker: Broker) -> None:
    async with broker.connect("first") as link:
        await link.publish([doorbell(n) for n in range(4)])
        inbox = await link.subscribe(SCHEDULER_INBOX)
        deliveries = await receive(inbox, 4)
        await inbox.bury(deliveries[1], "unreadable")
        await inbox.bury(deliveries[3], "unreadable")
    async with broker.connect("second") as link:
        inbox = await link.subscribe(SCHEDULER_INBOX)
        deliveries = await receive(inbox, 2)
        assert numbers(deliveries) == [0, 2]
        await inbox.bury(deliveries[1], "unreadable")
        await inbox.settle(deliveries[1])  # buried itself: settles what came before
    async with broker.connect("third") as link:
        assert await nothing_comes(await link.subscribe(SCHEDULER_INBOX))


async def test_no_more_than_prefetch_is_handed_out_unsettled(broker: Broker) -> None:
    async with broker.connect("test") as link:
        await link.publish([doorbell(n) for n in range(5)])
        inbox = await link.subscribe(SCHEDULER_INBOX, prefetch=2)
        first = await receive(inbox, 2)
        assert await nothing_comes(inbox)
        await inbox.settle(first[-1])
        assert numbers(await receive(inbox, 2)) == [2, 3]


async def test_receiving_waits_for_the_first_message(broker: Broker) -> None:
    async with broker.connect("reader") as reader, broker.connect("writer") as writer:
        inbox = await reader.subscribe(SCHEDULER_INBOX)
        waiting = asyncio.create_task(inbox.receive(10))
        assert await asyncio.wait({waiting}, timeout=NOTHING_COMES) == (set(), {waiting})
        await writer.publish([doorbell(1)])
        assert numbers(await asyncio.wait_for(waiting, 30)) == [1]


async def test_two_readers_share_a_queue(broker: Broker) -> None:
    async with broker.connect("one") as one, broker.connect("two") as two:
        inboxes = [
            await one.subscribe(ANALYZER_INBOX, prefetch=1),
            await two.subscribe(ANALYZER_INBOX, prefetch=1),
        ]
        wanted = [
            Outgoing(exchange=COMMANDS, key="scene.analyse.v1", kind="k", body=b"%d" % n)
            for n in range(2)
        ]
        await one.publish(wanted)
        got = await asyncio.gather(*(receive(inbox, 1) for inbox in inboxes))
        assert sorted(numbers([*got[0], *got[1]])) == [0, 1]


async def _subscribe_to_nothing(link: Link) -> None:
    await link.subscribe(Queue("no.such.queue", ()))


async def _publish_to_nothing(link: Link) -> None:
    await link.publish([Outgoing(exchange="no.such.exchange", key="k", kind="k", body=b"")])


@pytest.mark.parametrize("fault", [_subscribe_to_nothing, _publish_to_nothing])
async def test_asking_for_what_is_not_there_costs_the_link(
    broker: Broker, fault: Callable[[Link], Awaitable[None]]
) -> None:
    async with broker.connect("test") as link:
        inbox = await link.subscribe(SCHEDULER_INBOX)
        with pytest.raises(LinkLostError, match=r"no\.such"):
            await fault(link)
        await asyncio.wait_for(link.lost(), 30)
        with pytest.raises(LinkLostError, match=r"no\.such|gone"):
            await inbox.receive(1)

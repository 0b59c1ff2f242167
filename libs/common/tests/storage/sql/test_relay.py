"""What an outbox holds leaves in order, and is forgotten once it has been confirmed."""

import asyncio
from collections.abc import Sequence

import pytest
from libs.common.tests.storage.sql.relay_surroundings import (
    CLOCK,
    RecordingCache,
    RecordingLink,
    left,
    publish,
    running,
    until,
    write,
)

from lightmill.broker.ports import Link, LinkLostError, Outgoing
from lightmill.messages.leader_tick import LeaderTick
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.outbox import Effect, put
from lightmill.storage.sql.parcel import SetStatus
from lightmill.storage.sql.relay import Relay
from lightmill.storage.sql.schema import api, scheduler


async def test_messages_leave_in_order_and_are_forgotten(
    database: Database, relay: Relay, link: RecordingLink
) -> None:
    await write(database, publish("a", "b", "c"))
    assert await relay.carry(link) == 3
    assert link.keys == ["a", "b", "c"]
    assert link.published[0].kind == "leader.tick.v1"
    assert link.published[0].body == LeaderTick(epoch=1, number=1).body()
    assert await left(database) == 0


async def test_more_than_a_batch_leaves_in_order(
    database: Database, relay: Relay, link: RecordingLink
) -> None:
    keys = [f"key.{number}" for number in range(1203)]
    await write(database, publish(*keys))
    async with running(relay, link):
        await until(lambda: len(link.published) >= 1203)
    assert link.keys == keys


async def test_what_was_not_confirmed_leaves_again(
    database: Database, relay: Relay, link: RecordingLink
) -> None:
    await write(database, publish("a"))
    link.lose()
    with pytest.raises(LinkLostError):
        await relay.carry(link)
    assert await left(database) == 1
    second = RecordingLink()
    await relay.carry(second)
    assert second.keys == ["a"]


@pytest.mark.backing
async def test_a_row_that_commits_late_is_found(
    mysql_database: Database, cache: RecordingCache, link: RecordingLink
) -> None:
    """Its id is lower than those already sent: a cursor would pass it by."""
    relay = Relay(mysql_database, scheduler.OUTBOX, cache, CLOCK)
    async with mysql_database.transaction() as late:
        await put(late, scheduler.OUTBOX, publish("late"), CLOCK.now())
        await write(mysql_database, publish("early"))
        await relay.carry(link)
        assert link.keys == ["early"]
    await relay.carry(link)
    assert link.keys == ["early", "late"]


async def test_only_the_newest_status_of_a_key_is_set(
    database: Database, relay: Relay, link: RecordingLink, cache: RecordingCache
) -> None:
    states: list[Effect] = [
        SetStatus("job:1", 2, {"n": 2}),
        SetStatus("job:2", 1, {"n": 1}),
        SetStatus("job:1", 3, {"n": 3}),
    ]
    await write(database, states)
    await relay.carry(link)
    assert sorted(cache.sets, key=lambda entry: entry[0]) == [
        ("job:1", 3, {"n": 3}),
        ("job:2", 1, {"n": 1}),
    ]
    assert await left(database) == 0
    assert link.published == []


async def test_returned_messages_are_told_before_they_are_forgotten(
    database: Database, relay: Relay, link: RecordingLink
) -> None:
    link.unroutable = {"gone"}
    await write(database, publish("here", "gone"))
    told: list[tuple[list[str], int]] = []

    async def on_returned(messages: Sequence[Outgoing]) -> None:
        told.append(([message.key for message in messages], await left(database)))

    await relay.carry(link, on_returned)
    assert told == [(["gone"], 2)]
    assert await left(database) == 0


async def test_a_wake_sends_at_once_and_an_unannounced_row_within_two_seconds(
    database: Database, relay: Relay, link: RecordingLink
) -> None:
    loop = asyncio.get_running_loop()
    async with running(relay, link):
        await write(database, publish("first"))
        await until(lambda: link.keys == ["first"])
        start = loop.time()
        await write(database, publish("woken"))
        relay.wake()
        await until(lambda: link.keys == ["first", "woken"])
        assert loop.time() - start < 0.5
        await write(database, publish("unannounced"))
        await until(lambda: len(link.keys) == 3)
        assert loop.time() - start < 3


async def test_an_idle_relay_notices_that_its_link_is_lost(
    database: Database, relay: Relay, link: RecordingLink
) -> None:
    async with running(relay, link) as task:
        await write(database, publish("a"))
        await until(lambda: link.keys == ["a"])
        link.lose()
        await asyncio.wait([task], timeout=5)
        assert isinstance(task.exception(), LinkLostError)


async def test_writers_do_not_wait_for_a_broker_that_is_slow(
    database: Database, cache: RecordingCache, link: RecordingLink
) -> None:
    """Whether rows are locked while they are carried or not."""
    for shared in (False, True):
        relay = Relay(database, scheduler.OUTBOX, cache, CLOCK, shared=shared)
        await write(database, publish("a"))
        link.gate.clear()
        link.asked.clear()
        carrying = asyncio.create_task(relay.carry(link))
        await asyncio.wait_for(link.asked.wait(), 5)
        await asyncio.wait_for(write(database, publish("b")), 5)
        link.gate.set()
        await carrying
        await relay.carry(link)


@pytest.mark.backing
async def test_relays_that_share_an_outbox_send_each_message_once(
    mysql_database: Database, cache: RecordingCache
) -> None:
    keys = [f"key.{number}" for number in range(6000)]
    await write(mysql_database, publish(*keys))
    places = {key: place for place, key in enumerate(keys)}
    links = [RecordingLink() for _ in range(4)]
    relays = [Relay(mysql_database, scheduler.OUTBOX, cache, CLOCK, shared=True) for _ in links]

    async def drain(relay: Relay, link: Link) -> None:
        while await relay.carry(link):
            pass

    await asyncio.gather(*map(drain, relays, links))
    sent = [key for link in links for key in link.keys]
    assert sorted(sent) == sorted(keys)
    for link in links:
        assert link.keys == sorted(link.keys, key=places.__getitem__)
    assert await left(mysql_database) == 0


@pytest.mark.backing
async def test_a_successor_carries_what_a_frozen_leader_was_carrying(
    mysql_database: Database, cache: RecordingCache, link: RecordingLink
) -> None:
    await write(mysql_database, publish("order"))
    link.gate.clear()
    frozen = asyncio.create_task(Relay(mysql_database, scheduler.OUTBOX, cache, CLOCK).carry(link))
    await link.asked.wait()
    successor = RecordingLink()
    await asyncio.wait_for(
        Relay(mysql_database, scheduler.OUTBOX, cache, CLOCK).carry(successor), 5
    )
    assert successor.keys == ["order"]
    link.gate.set()
    await frozen


async def test_each_outbox_is_its_own(
    database: Database, cache: RecordingCache, link: RecordingLink
) -> None:
    await write(database, publish("a"))
    assert await Relay(database, api.OUTBOX, cache, CLOCK).carry(link) == 0
    assert await left(database) == 1

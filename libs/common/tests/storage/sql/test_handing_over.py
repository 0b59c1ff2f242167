"""What has just been committed may be handed to the relay, which need not read it then."""

import asyncio
import time

import pytest
from libs.common.tests.storage.sql.relay_surroundings import (
    CLOCK,
    CountingLink,
    CountingLooks,
    RecordingCache,
    RecordingLink,
    SlowReads,
    left,
    publish,
    running,
    until,
    write,
    write_together,
)

from lightmill.broker.ports import LinkLostError, Outgoing
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.outbox import Effect
from lightmill.storage.sql.parcel import SetStatus, parcel
from lightmill.storage.sql.relay import Relay
from lightmill.storage.sql.schema import scheduler


async def test_what_is_handed_over_leaves_without_being_read_and_is_forgotten(
    database: Database, relay: Relay, link: RecordingLink, cache: RecordingCache
) -> None:
    async with running(relay, link):
        await until(lambda: database.statements >= 1)
        effects: list[Effect] = [*publish("a", "b"), SetStatus("job:1", 1, {"n": 1})]
        parcels = await write_together(database, effects)
        before = database.statements
        relay.hand(parcels)
        await until(lambda: len(cache.sets) == 1)
        async with asyncio.timeout(10):
            while await left(database):
                pass
        assert link.keys == ["a", "b"]
        assert database.statements > before


async def test_what_was_handed_over_and_not_confirmed_is_found_by_the_next(
    database: Database, relay: Relay, link: RecordingLink, cache: RecordingCache
) -> None:
    relay.hand(await write_together(database, publish("a", "b")))
    link.lose()
    with pytest.raises(LinkLostError):
        await relay.run(link)
    successor = RecordingLink()
    assert await Relay(database, scheduler.OUTBOX, cache, CLOCK).carry(successor) == 1
    assert successor.keys == ["a", "b"]
    assert await left(database) == 0


@pytest.mark.parametrize("looks", [[1], [1, 0, 0]])
async def test_what_was_found_is_not_sent_again_however_late_it_is_handed_over(
    database: Database, relay: Relay, link: RecordingLink, looks: list[int]
) -> None:
    parcels = await write_together(database, publish("found"))
    assert [await relay.carry(link) for _ in looks] == looks
    relay.hand(parcels)
    async with running(relay, link):
        relay.hand(await write_together(database, publish("next")))
        await until(lambda: "next" in link.keys)
    assert link.keys == ["found", "next"]


async def test_a_row_that_has_the_id_of_one_that_was_found_leaves_without_being_read(
    database: Database, cache: RecordingCache
) -> None:
    """SQLite gives an id again when its row was the last and is deleted."""
    looked = CountingLooks.open(database.url.render_as_string(hide_password=False))
    link = CountingLink(looked)
    relay = Relay(looked, scheduler.OUTBOX, cache, CLOCK)
    (found,) = await write_together(database, publish("found"))
    async with running(relay, link):
        async with asyncio.timeout(10):
            while await left(database):
                pass
        await until(lambda: looked.begun == looked.ended)
        before = looked.statements
        message = Outgoing(exchange="e", key="handed", kind="k", body=b"{}")
        relay.hand([parcel(found.id, [message], CLOCK.now())])
        await until(lambda: "handed" in link.keys)
    await looked.close()
    assert link.statements[1:] == [before]


async def test_what_is_handed_over_while_it_is_being_found_is_sent_once(
    database: Database, cache: RecordingCache, link: RecordingLink
) -> None:
    slow = SlowReads.open(database.url.render_as_string(hide_password=False))
    relay = Relay(slow, scheduler.OUTBOX, cache, CLOCK)
    parcels = await write_together(database, publish("found"))
    async with running(relay, link):
        await slow.read.wait()
        relay.hand(parcels)
        slow.gate.set()
        await until(lambda: bool(link.keys))
        relay.hand(await write_together(database, publish("next")))
        await until(lambda: "next" in link.keys)
    await slow.close()
    assert link.keys == ["found", "next"]


async def test_what_is_handed_over_leaves_before_others_are_looked_for(
    database: Database, cache: RecordingCache
) -> None:
    looked = CountingLooks.open(database.url.render_as_string(hide_password=False))
    link = CountingLink(looked)
    relay = Relay(looked, scheduler.OUTBOX, cache, CLOCK)
    async with running(relay, link):
        await until(lambda: looked.begun == looked.ended >= 1)
        time.sleep(1.1)  # noqa: ASYNC251  # nobody looks meanwhile, and then it is time to
        before = looked.statements
        message = Outgoing(exchange="e", key="handed", kind="k", body=b"{}")
        relay.hand([parcel(1, [message], CLOCK.now())])
        await until(lambda: link.keys == ["handed"])
        await until(lambda: looked.statements > before + 1)
    await looked.close()
    assert link.statements == [before]


async def test_what_a_lost_link_has_left_comes_before_what_is_handed_over(
    database: Database, relay: Relay, link: RecordingLink
) -> None:
    async with running(relay, link):
        relay.hand(await write_together(database, publish("first")))
        await until(lambda: "first" in link.keys)
        link.gate.clear()
        link.asked.clear()
        relay.hand(await write_together(database, publish("left")))
        await link.asked.wait()
    again = RecordingLink()
    relay.hand(await write_together(database, publish("handed")))
    async with running(relay, again):
        await until(lambda: "handed" in again.keys)
    assert again.keys == ["left", "handed"]


async def test_rows_that_nobody_hands_over_leave_although_others_keep_coming(
    database: Database, relay: Relay, link: RecordingLink
) -> None:
    async with running(relay, link):
        await write(database, publish("unannounced"))
        async with asyncio.timeout(10):
            while "unannounced" not in link.keys:
                relay.hand(await write_together(database, publish("handed")))
    assert link.keys.count("unannounced") == 1


async def test_what_is_handed_over_counts_as_sent_when_it_has_left(
    database: Database, relay: Relay, link: RecordingLink
) -> None:
    async with running(relay, link):
        await relay.sent()
        link.gate.clear()
        relay.hand(await write_together(database, publish("held up")))
        sent = asyncio.create_task(relay.sent())
        await link.asked.wait()
        assert not sent.done()
        link.gate.set()
        await sent
    assert link.keys == ["held up"]


async def test_nothing_counts_as_sent_before_what_another_link_has_left(
    database: Database, relay: Relay, link: RecordingLink
) -> None:
    await write(database, publish(*map(str, range(50))))
    link.gate.clear()
    async with running(relay, link):
        sent = asyncio.create_task(relay.sent())
        await link.asked.wait()
        assert not sent.done()
        link.gate.set()
        await sent
    assert len(link.keys) == 50


async def test_what_was_found_and_then_handed_over_counts_as_sent(
    database: Database, relay: Relay, link: RecordingLink
) -> None:
    async with running(relay, link):
        parcels = await write_together(database, publish("found"))
        relay.wake()
        await until(lambda: link.keys == ["found"])
        relay.hand(parcels)
        async with asyncio.timeout(60):
            await relay.sent()
    assert link.keys == ["found"]

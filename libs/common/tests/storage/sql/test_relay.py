import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import URL, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from typing_extensions import override

from lightmill.broker.ports import Inbox, Link, LinkLostError, Outgoing
from lightmill.messages.leader_tick import LeaderTick
from lightmill.messages.topology import Queue
from lightmill.runtime.clock import SystemClock
from lightmill.storage.ports import StatusCache
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.outbox import Effect, Publish, put, put_together
from lightmill.storage.sql.parcel import Parcel, SetStatus, parcel
from lightmill.storage.sql.relay import Relay
from lightmill.storage.sql.schema import api, scheduler

CLOCK = SystemClock()


class RecordingLink(Link):
    """Keeps what is published; `gate` holds it up, `unroutable` keys are returned."""

    def __init__(self) -> None:
        self.published: list[Outgoing] = []
        self.unroutable: set[str] = set()
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()
        self._gone = asyncio.Event()

    @property
    def keys(self) -> list[str]:
        return [message.key for message in self.published]

    def lose(self) -> None:
        self._gone.set()
        self.gate.set()

    @override
    async def publish(self, messages: Sequence[Outgoing]) -> list[bool]:
        self.asked.set()
        await self.gate.wait()
        if self._gone.is_set():
            raise LinkLostError
        self.published += messages
        return [not (m.mandatory and m.key in self.unroutable) for m in messages]

    @override
    async def subscribe(self, queue: Queue, *, prefetch: int = 500) -> Inbox:
        raise NotImplementedError("a relay reads no queue")

    @override
    async def lost(self) -> None:
        await self._gone.wait()


class CountingLink(RecordingLink):
    """Keeps how many statements there had been when something was published."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.statements: list[int] = []
        self._database = database

    @override
    async def publish(self, messages: Sequence[Outgoing]) -> list[bool]:
        self.statements.append(self._database.statements)
        return await super().publish(messages)


class SlowReads(Database):
    """What it reads is true when it is read, and reaches the reader when `gate` opens."""

    def __init__(self, url: URL, writer: AsyncEngine, reader: AsyncEngine) -> None:
        super().__init__(url, writer, reader)
        self.read = asyncio.Event()
        self.gate = asyncio.Event()

    @override
    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with super().reading() as connection:
            yield connection
        self.read.set()
        await self.gate.wait()


class CountingLooks(Database):
    """Counts how often somebody has begun to read in it, and has read."""

    begun = 0
    ended = 0

    @override
    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        self.begun += 1
        async with super().reading() as connection:
            yield connection
        self.ended += 1


class RecordingCache(StatusCache):
    def __init__(self) -> None:
        self.sets: list[tuple[str, int, Mapping[str, object]]] = []

    @override
    async def set_newer(self, key: str, version: int, value: Mapping[str, object]) -> None:
        self.sets.append((key, version, value))

    @override
    async def get(self, key: str) -> dict[str, object] | None:
        return None

    @override
    async def ping(self) -> bool:
        return True


@pytest.fixture
def link() -> RecordingLink:
    return RecordingLink()


@pytest.fixture
def cache() -> RecordingCache:
    return RecordingCache()


@pytest.fixture
def relay(database: Database, cache: RecordingCache) -> Relay:
    return Relay(database, scheduler.OUTBOX, cache, CLOCK)


def publish(*keys: str) -> list[Effect]:
    return [Publish(LeaderTick(epoch=1, number=1), key=key, mandatory=True) for key in keys]


async def write(database: Database, effects: list[Effect]) -> None:
    async with database.transaction() as connection:
        await put(connection, scheduler.OUTBOX, effects, CLOCK.now())


async def write_together(database: Database, effects: list[Effect]) -> list[Parcel]:
    async with database.transaction() as connection:
        return await put_together(connection, scheduler.OUTBOX, effects, CLOCK.now())


async def left(database: Database) -> int:
    async with database.reading() as connection:
        query = select(func.count()).select_from(scheduler.OUTBOX)
        return int((await connection.execute(query)).scalar_one())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  # no event tells of it
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(relay: Relay, link: Link) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(relay.run(link))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


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


async def test_what_was_found_is_not_sent_again_when_it_is_handed_over(
    database: Database, relay: Relay, link: RecordingLink
) -> None:
    parcels = await write_together(database, publish("found"))
    assert await relay.carry(link) == 1
    relay.hand(parcels)
    async with running(relay, link):
        relay.hand(await write_together(database, publish("next")))
        await until(lambda: "next" in link.keys)
    assert link.keys == ["found", "next"]


async def test_what_was_found_is_not_sent_again_however_late_it_is_handed_over(
    database: Database, relay: Relay, link: RecordingLink
) -> None:
    parcels = await write_together(database, publish("found"))
    assert [await relay.carry(link) for _ in range(3)] == [1, 0, 0]
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

"""What tests of the relay put beside it: links, a cache and databases that tell what they saw."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

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
from lightmill.storage.sql.parcel import Parcel
from lightmill.storage.sql.relay import Relay
from lightmill.storage.sql.schema import scheduler

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

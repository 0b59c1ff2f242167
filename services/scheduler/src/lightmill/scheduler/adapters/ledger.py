"""The database as the leader of one epoch writes it: one transaction a turn."""

from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from lightmill.runtime.clock import Clock, SystemClock
from lightmill.scheduler.adapters.batch import batch
from lightmill.scheduler.adapters.freed_workspaces import put_freed
from lightmill.scheduler.adapters.given_up import REFUSED_JOB, UNREADABLE_JOB, GivenUpJobs
from lightmill.scheduler.adapters.leadership import begin_with_epoch
from lightmill.scheduler.adapters.recovery import Recovery
from lightmill.scheduler.adapters.refusal import telling
from lightmill.scheduler.adapters.unreadable import UnreadableJobsError
from lightmill.scheduler.adapters.writing import write
from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.facts import JobAsked
from lightmill.scheduler.ports import Ledger, RefusedError, Trials
from lightmill.storage.sql import outbox
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.parcel import Parcel
from lightmill.storage.sql.schema.scheduler import OUTBOX
from lightmill.storage.sql.script import Script

Leaving = Callable[[Sequence[Parcel]], None]


@dataclass(frozen=True, slots=True)
class _Writing:
    """A commit that begins when it is awaited; a leader that ends before that leaves it out."""

    begin: Callable[[], Coroutine[Any, Any, None]]

    def __await__(self) -> Generator[Any, None, None]:
        return self.begin().__await__()


class _TakenBackError(Exception):
    """Rolls a transaction back that was only tried."""


async def _raise(error: Exception) -> None:
    raise error


class SqlLedger(Recovery, Ledger, Trials):
    """Reads what lives, and commits what has changed.

    Args:
        leaving: Given what is to leave, once it is committed.
    """

    def __init__(
        self,
        database: Database,
        *,
        epoch: int,
        beat: float,
        clock: Clock | None = None,
        leaving: Leaving = lambda _: None,
    ) -> None:
        super().__init__(database)
        self._epoch = epoch
        self._beat = beat
        self._leaving = leaving
        self._given_up = GivenUpJobs(database, clock or SystemClock(), epoch=epoch)

    @override
    async def asked(self, job_ids: Iterable[str]) -> list[JobAsked]:
        ids = set(job_ids)
        try:
            return await super().asked(ids)
        except UnreadableJobsError as error:
            await self._given_up.fail(UNREADABLE_JOB, error.reasons)
            return await super().asked(ids - error.reasons.keys())

    @override
    def commit(self, changes: Changes, now: datetime) -> Awaitable[None]:
        try:
            prepared = self._prepared(changes, now)
        except RefusedError as error:
            return _Writing(partial(_raise, error))
        return _Writing(partial(self._commit, prepared))

    @override
    async def refusal(self, changes: Changes, now: datetime) -> str | None:
        try:
            await self._try(self._prepared(changes, now))
        except RefusedError as error:
            return str(error)
        return None

    @override
    async def fail(self, reasons: Mapping[str, str], now: datetime) -> None:
        await self._given_up.fail(REFUSED_JOB, reasons)

    def _prepared(self, changes: Changes, now: datetime) -> "_Prepared":
        """Return what is to be written, put together while the last turn is under way."""
        dialect = self._database.dialect
        with telling():
            lines = batch(changes, now, epoch=self._epoch, beat=self._beat)
            letters = outbox.Letters.of(dialect, OUTBOX, lines.effects, now)
            script = Script()
            begin_with_epoch(script, self._epoch)
            write(script, dialect, lines, now)
            letters.add_to(script)
        return _Prepared(script, letters, lines.freed, now)

    async def _commit(self, prepared: "_Prepared") -> None:
        with telling():
            async with self._database.transaction() as connection:
                parcels = await self._write(connection, prepared)
        self._leaving(parcels)

    async def _try(self, prepared: "_Prepared") -> None:
        """Write it and take it back."""
        with suppress(_TakenBackError), telling():
            async with self._database.transaction() as connection:
                await self._write(connection, prepared)
                raise _TakenBackError

    async def _write(self, connection: AsyncConnection, prepared: "_Prepared") -> list[Parcel]:
        parcels = prepared.letters.parcels(await prepared.script.run(connection))
        if prepared.freed:
            await put_freed(connection, self._database.dialect, prepared.freed, prepared.now)
        return parcels


@dataclass(frozen=True, slots=True)
class _Prepared:
    """One turn: its statements, what leaves after it, and bytes freed by job and node."""

    script: Script
    letters: outbox.Letters
    freed: Mapping[tuple[str, str], int]
    now: datetime

"""The database as the leader of one epoch writes it: one transaction a turn."""

from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import delete, func, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from lightmill.domain.states import TASK_TRANSITIONS, AttemptState, TaskState, is_final
from lightmill.runtime.clock import Clock, SystemClock
from lightmill.scheduler.adapters import rows
from lightmill.scheduler.adapters.batch import Batch, Move, Standing, batch
from lightmill.scheduler.adapters.error_reports import add_reports
from lightmill.scheduler.adapters.freed_workspaces import put_freed
from lightmill.scheduler.adapters.given_up import REFUSED_JOB, UNREADABLE_JOB, GivenUpJobs
from lightmill.scheduler.adapters.leadership import check_epoch
from lightmill.scheduler.adapters.recovery import Recovery
from lightmill.scheduler.adapters.refusal import telling
from lightmill.scheduler.adapters.unreadable import UnreadableJobsError
from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.facts import JobAsked
from lightmill.scheduler.ports import Ledger, NotLeaderError, RefusedError, Trials
from lightmill.storage.sql import bulk, outbox
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.parcel import Parcel
from lightmill.storage.sql.schema.scheduler import ATTEMPTS, GIVEN_BACK, OUTBOX, TASKS

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
            lines = self._lines(changes, now)
        except RefusedError as error:
            return _Writing(partial(_raise, error))
        return _Writing(partial(self._commit, lines, now))

    @override
    async def refusal(self, changes: Changes, now: datetime) -> str | None:
        try:
            await self._try(self._lines(changes, now), now)
        except RefusedError as error:
            return str(error)
        return None

    @override
    async def fail(self, reasons: Mapping[str, str], now: datetime) -> None:
        await self._given_up.fail(REFUSED_JOB, reasons)

    def _lines(self, changes: Changes, now: datetime) -> Batch:
        with telling():
            return batch(changes, now, epoch=self._epoch, beat=self._beat)

    async def _commit(self, lines: Batch, now: datetime) -> None:
        with telling():
            async with self._database.transaction() as connection:
                await check_epoch(connection, self._epoch)
                parcels = await self._write(connection, lines, now)
        self._leaving(parcels)

    async def _try(self, lines: Batch, now: datetime) -> None:
        """Write `lines` and take them back."""
        with suppress(_TakenBackError), telling():
            async with self._database.transaction() as connection:
                await check_epoch(connection, self._epoch)
                await self._write(connection, lines, now)
                raise _TakenBackError

    async def _write(
        self, connection: AsyncConnection, lines: Batch, now: datetime
    ) -> list[Parcel]:
        for table, added in lines.added.items():
            await bulk.add(connection, table, added)
        await _move_attempts(connection, lines.moves, now)
        await _move_tasks(connection, lines.standings, now)
        await _delete(connection, lines)
        for table, put in lines.put.items():
            await bulk.put(connection, table, put)
        if lines.freed:
            await put_freed(connection, self._database.dialect, lines.freed, now)
        await add_reports(connection, self._database.dialect, lines.reports, now)
        return await outbox.put_together(connection, OUTBOX, lines.effects, now)


async def _delete(connection: AsyncConnection, lines: Batch) -> None:
    if lines.taken:
        key = tuple_(GIVEN_BACK.c.step_id, GIVEN_BACK.c.ordinal)
        await connection.execute(delete(GIVEN_BACK).where(key.in_(lines.taken)))
    for column, values in lines.gone.items():
        if values:
            await connection.execute(delete(column.table).where(column.in_(values)))


async def _move_attempts(
    connection: AsyncConnection, moves: Mapping[Move, Sequence[str]], now: datetime
) -> None:
    """Write where attempts stand, one statement for all that moved alike.

    Raises:
        NotLeaderError: a row did not stand where memory had it.
    """
    for (was, became, failure, detail), ids in moves.items():
        values: rows.Row = {"state": became}
        if became is not AttemptState.RUNNING:
            values |= {"ended_at": now, "failure": failure, "detail": detail[: rows.DETAIL_LENGTH]}
        if became in {AttemptState.SUCCEEDED, AttemptState.FAILED}:
            values["started_at"] = func.coalesce(ATTEMPTS.c.started_at, now)
        if became is AttemptState.RUNNING:
            values["started_at"] = now
        change = update(ATTEMPTS).where(ATTEMPTS.c.state == was).values(values)
        stood = await bulk.change(connection, change, ATTEMPTS.c.id, ids)
        if stood != len(ids):
            raise NotLeaderError(f"{len(ids)} attempts to move from {was}, {stood} stood there")


async def _move_tasks(
    connection: AsyncConnection, standings: Mapping[Standing, Sequence[str]], now: datetime
) -> None:
    """Write where tasks stand, one statement for all that stand alike."""
    for (state, progress, error), ids in standings.items():
        values: rows.Row = {"state": state, "progress": progress}
        if state is not TaskState.ASSIGNED:
            values["started_at"] = func.coalesce(TASKS.c.started_at, now)
        if is_final(TASK_TRANSITIONS, state):
            values["finished_at"] = now
        if error is not None:
            values["error"] = error[: rows.DETAIL_LENGTH]
        await bulk.change(connection, update(TASKS).values(values), TASKS.c.id, ids)

"""The database as the leader of one epoch writes it: one transaction a turn."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, func, tuple_, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from lightmill.domain.failures import FailureKind
from lightmill.domain.states import (
    ATTEMPT_TRANSITIONS,
    TASK_TRANSITIONS,
    AttemptState,
    TaskState,
    is_final,
)
from lightmill.runtime.clock import Clock, SystemClock
from lightmill.scheduler.adapters import rows
from lightmill.scheduler.adapters.effects import effects
from lightmill.scheduler.adapters.error_reports import add_reports
from lightmill.scheduler.adapters.freed_workspaces import put_freed
from lightmill.scheduler.adapters.leadership import check_epoch
from lightmill.scheduler.adapters.recovery import Recovery
from lightmill.scheduler.adapters.unreadable import UnreadableJobs, UnreadableJobsError
from lightmill.scheduler.core.changes import AttemptMoved, Changes
from lightmill.scheduler.core.error_report import ErrorReport
from lightmill.scheduler.core.facts import JobAsked
from lightmill.scheduler.ports import Ledger, NotLeaderError
from lightmill.storage.sql import bulk, outbox
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.parcel import Parcel
from lightmill.storage.sql.schema.scheduler import (
    ATTEMPTS,
    FAILED_ORDINALS,
    GIVEN_BACK,
    HISTORY,
    JOB_STATES,
    LIMIT_STATES,
    NODES,
    OUTBOX,
    OUTLOOKS,
    RESULTS,
    STEPS,
    TASKS,
)

_STACK = rows.DETAIL_LENGTH
Leaving = Callable[[Sequence[Parcel]], None]
_Standing = tuple[TaskState, float, str | None]
_Move = tuple[AttemptState, AttemptState, FailureKind | None, str]


class SqlLedger(Recovery, Ledger):
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
        self._unreadable = UnreadableJobs(database, clock or SystemClock(), epoch=epoch)

    @override
    async def asked(self, job_ids: Iterable[str]) -> list[JobAsked]:
        ids = set(job_ids)
        try:
            return await super().asked(ids)
        except UnreadableJobsError as error:
            await self._unreadable.fail(error.reasons)
            return await super().asked(ids - error.reasons.keys())

    @override
    async def commit(self, changes: Changes, now: datetime) -> None:
        try:
            async with self._database.transaction() as connection:
                await check_epoch(connection, self._epoch)
                parcels = await self._write(connection, changes, now)
        except (SQLAlchemyError, OSError) as error:
            raise NotLeaderError(
                f"the commit failed, or its outcome is unknown: {error}"
            ) from error
        self._leaving(parcels)

    async def _write(
        self, connection: AsyncConnection, changes: Changes, now: datetime
    ) -> list[Parcel]:
        await bulk.add(connection, TASKS, [rows.task_row(a) for a in changes.born])
        born = [rows.attempt_row(a, self._epoch, now) for a in changes.born]
        await bulk.add(connection, ATTEMPTS, born)
        await _move_attempts(connection, changes.moved, now)
        await _move_tasks(connection, changes, now)
        await bulk.add(connection, RESULTS, [rows.result_row(d, now) for d in changes.delivered])
        await _write_waiting(connection, changes, now)
        await bulk.put(connection, STEPS, [rows.step_row(s, now) for s in changes.steps.values()])
        jobs = {job_id: rows.job_row(job, now) for job_id, job in changes.jobs.items()}
        await bulk.put(connection, JOB_STATES, list(jobs.values()))
        await bulk.put(connection, NODES, [rows.node_row(n, now) for n in changes.nodes.values()])
        if changes.freed:
            await put_freed(connection, self._database.dialect, changes.freed, now)
        await _write_outlooks(connection, changes, now)
        moved = [rows.ceiling_row(*one, now) for one in changes.ceilings.items()]
        await bulk.put(connection, LIMIT_STATES, moved)
        reports = [
            ErrorReport(kind=move.failure, message=move.detail, stack=move.detail[:_STACK])
            for move in changes.moved
            if move.failure is not None
        ]
        await add_reports(connection, self._database.dialect, reports, now)
        # An attempt's own row says when it was given out, begun and ended, and why.
        lines = [line for line in changes.transitions if line.entity != "attempt"]
        await bulk.add(connection, HISTORY, [rows.history_row(line, now) for line in lines])
        left = effects(changes, jobs, epoch=self._epoch, beat=self._beat)
        return await outbox.put_together(connection, OUTBOX, left, now)


async def _write_waiting(connection: AsyncConnection, changes: Changes, now: datetime) -> None:
    taken = [key for key, item in changes.given_back.items() if item is None]
    if taken:
        key = tuple_(GIVEN_BACK.c.step_id, GIVEN_BACK.c.ordinal)
        await connection.execute(delete(GIVEN_BACK).where(key.in_(taken)))
    back = [
        rows.given_back_row(step_id, item)
        for (step_id, _), item in changes.given_back.items()
        if item is not None
    ]
    await bulk.put(connection, GIVEN_BACK, back)
    if changes.forgiven:
        forgiven = FAILED_ORDINALS.c.step_id.in_(changes.forgiven)
        await connection.execute(delete(FAILED_ORDINALS).where(forgiven))
    failed = [rows.failed_row(item, now) for item in changes.failed]
    await bulk.put(connection, FAILED_ORDINALS, failed)


async def _write_outlooks(connection: AsyncConnection, changes: Changes, now: datetime) -> None:
    told = [rows.outlook_row(one, now) for one in changes.outlooks.values() if one is not None]
    await bulk.put(connection, OUTLOOKS, told)
    over = [job_id for job_id, one in changes.outlooks.items() if one is None]
    if over:
        await connection.execute(delete(OUTLOOKS).where(OUTLOOKS.c.job_id.in_(over)))


async def _move_attempts(
    connection: AsyncConnection, moved: Iterable[AttemptMoved], now: datetime
) -> None:
    """Write where attempts stand, one statement for all that moved alike.

    Raises:
        NotLeaderError: a row did not stand where memory had it.
    """
    alike: dict[_Move, list[str]] = defaultdict(list)
    for attempt_id, move in _joined(moved).items():
        alike[move].append(attempt_id)
    for (was, became, failure, detail), ids in alike.items():
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


def _joined(moved: Iterable[AttemptMoved]) -> dict[str, _Move]:
    """Return for each attempt where it stood first and where it stands last."""
    moves: dict[str, _Move] = {}
    for move in moved:
        attempt = move.attempt
        was = moves[attempt.id][0] if attempt.id in moves else move.was
        # A turn may both begin and end an attempt; the last move tells why it ended.
        ended = is_final(ATTEMPT_TRANSITIONS, attempt.state)
        moves[attempt.id] = (was, attempt.state, move.failure, move.detail if ended else "")
    return moves


async def _move_tasks(connection: AsyncConnection, changes: Changes, now: datetime) -> None:
    """Write where tasks stand, one statement for all that stand alike."""
    errors = {move.attempt.task.id: move.detail for move in changes.moved if move.failure}
    alike: dict[_Standing, list[str]] = defaultdict(list)
    for task in changes.tasks.values():
        progress = 1.0 if task.state is TaskState.SUCCEEDED else round(task.progress, 2)
        alike[task.state, progress, errors.get(task.id)].append(task.id)
    for (state, progress, error), ids in alike.items():
        values: dict[str, object] = {"state": state, "progress": progress}
        if state is not TaskState.ASSIGNED:
            values["started_at"] = func.coalesce(TASKS.c.started_at, now)
        if is_final(TASK_TRANSITIONS, state):
            values["finished_at"] = now
        if error is not None:
            values["error"] = error[: rows.DETAIL_LENGTH]
        await bulk.change(connection, update(TASKS).values(values), TASKS.c.id, ids)

"""Jobs that the scheduler cannot go on with: they fail, and the farm goes on without them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.domain.failures import FailureKind
from lightmill.domain.states import AttemptState, JobState, StepState, TaskState
from lightmill.messages.job_changed import JobChanged
from lightmill.runtime.clock import Clock
from lightmill.scheduler.adapters import rows
from lightmill.scheduler.adapters.error_reports import add_reports
from lightmill.scheduler.adapters.leadership import check_epoch
from lightmill.scheduler.core.changes import Transition
from lightmill.scheduler.core.error_report import ErrorReport
from lightmill.scheduler.core.work import FailedOrdinal
from lightmill.storage.sql import bulk, outbox
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import (
    ATTEMPTS,
    FAILED_ORDINALS,
    HISTORY,
    JOB_STATES,
    OUTBOX,
    OUTLOOKS,
    RESULTS,
    STEPS,
    TASKS,
)
from lightmill.storage.sql.upsert import upsert

_REASON = 500
_ENDED = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)
_LIVE_STEPS = (StepState.BLOCKED, StepState.READY, StepState.RUNNING)
_LIVE_TASKS = (TaskState.ASSIGNED, TaskState.RUNNING)
_LIVE_ATTEMPTS = (AttemptState.ASSIGNED, AttemptState.RUNNING)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why the scheduler cannot go on; `kind` is that of its error reports."""

    kind: str
    sentence: str


UNREADABLE_JOB = Cause(
    "UnreadableJob",
    "the scheduler cannot read what this job asks for, so it was given up; submit it again",
)
REFUSED_JOB = Cause(
    "RefusedJob",
    "the database refuses what the scheduler has to write of this job, so it was given up and the"
    " others go on; change the value that is named here and submit the job again, or retry it"
    " where the fault was the database's",
)


class GivenUpJobs:
    """Fails them, as the leader of one epoch."""

    def __init__(self, database: Database, clock: Clock, *, epoch: int) -> None:
        self._database = database
        self._clock = clock
        self._epoch = epoch

    async def fail(self, cause: Cause, reasons: Mapping[str, str]) -> None:
        """Commit that these jobs have FAILED, with an error report; one that has ended stays so.

        What a node still holds of them is in no leader's memory: its report brings the order to
        end it.

        Args:
            cause: The same for all.
            reasons: By the job's id, what exactly is wrong.

        Raises:
            NotLeaderError: the epoch has passed.
        """
        now = self._clock.now()
        seen = (JOB_STATES.c.state, JOB_STATES.c.version.label("seen"), JOB_STATES.c.succeeded)
        query = (
            select(JOBS, *seen)
            .select_from(JOBS.outerjoin(JOB_STATES, JOB_STATES.c.job_id == JOBS.c.id))
            .where(JOBS.c.id.in_(list(reasons)))
        )
        async with self._database.transaction() as connection:
            await check_epoch(connection, self._epoch)
            for row in (await connection.execute(query)).all():
                if row.state in _ENDED:
                    await _apply(connection, row)
                else:
                    await self._fail(connection, row, (cause, reasons[row.id]), now)

    async def _fail(
        self, connection: AsyncConnection, row: Row[Any], why: tuple[Cause, str], now: datetime
    ) -> None:
        cause, reason = why
        error = f"{cause.sentence} ({reason[:_REASON]})"
        dialect = self._database.dialect
        put = upsert(JOB_STATES, dialect, keep=("succeeded", "started_at"))
        await connection.execute(put, [_failed(row, error, now)])
        await _give_up_frames(connection, row.id, error, now)
        await _end_all(connection, row.id, cause, now)
        await connection.execute(insert(HISTORY), _line(row, error, now))
        report = ErrorReport(kind=cause.kind, message=error, stack=f"job {row.id}: {reason}")
        await add_reports(connection, dialect, [report], now)
        await outbox.put(connection, OUTBOX, [outbox.Publish(_changed(row, error))], now)


async def _give_up_frames(
    connection: AsyncConnection, job_id: str, error: str, now: datetime
) -> None:
    """Count what nodes hold as failed: a retry of the job renders it then."""
    live = (TASKS.c.job_id == job_id) & TASKS.c.state.in_(_LIVE_TASKS)
    tasks = (await connection.execute(select(TASKS).where(live))).all()
    owned = select(RESULTS.c.step_id, RESULTS.c.ordinal).where(
        RESULTS.c.attempt_id.in_([task.attempt_id for task in tasks])
    )
    delivered = {(row.step_id, row.ordinal) for row in await connection.execute(owned)}
    lost = [one for task in tasks for one in _lost(task, error) if _key(one) not in delivered]
    await bulk.put(connection, FAILED_ORDINALS, [rows.failed_row(one, now) for one in lost])
    for step_id, count in Counter(one.step_id for one in lost).items():
        more = update(STEPS).where(STEPS.c.id == step_id)
        await connection.execute(more.values(failed=STEPS.c.failed + count))


def _key(one: FailedOrdinal) -> tuple[str, int]:
    return one.step_id, one.ordinal


def _lost(task: Row[Any], error: str) -> list[FailedOrdinal]:
    return [
        FailedOrdinal(
            step_id=task.step_id,
            ordinal=ordinal,
            frame=frame,
            failures=task.failures,
            tries=task.tries,
            kind=FailureKind.CANCELLED,
            error=error,
        )
        for ordinal, frame in zip(task.ordinals, task.frames, strict=True)
    ]


async def _end_all(connection: AsyncConnection, job_id: str, cause: Cause, now: datetime) -> None:
    """End the steps, tasks and attempts of a job, and what it may expect."""
    detail = cause.sentence
    ends = (
        (STEPS, _LIVE_STEPS, {"state": StepState.FAILED, "running": 0}),
        (TASKS, _LIVE_TASKS, {"state": TaskState.CANCELLED, "finished_at": now}),
        (
            ATTEMPTS,
            _LIVE_ATTEMPTS,
            {"state": AttemptState.CANCELLED, "ended_at": now, "detail": detail},
        ),
    )
    for table, live, values in ends:
        change = update(table).where(table.c.job_id == job_id, table.c.state.in_(live))
        await connection.execute(change.values(values))
    await connection.execute(delete(OUTLOOKS).where(OUTLOOKS.c.job_id == job_id))


async def _apply(connection: AsyncConnection, row: Row[Any]) -> None:
    applied = update(JOB_STATES).where(JOB_STATES.c.job_id == row.id)
    await connection.execute(applied.values(**_applied(row)))


def _applied(row: Row[Any]) -> dict[str, object]:
    return {
        "priority": row.priority,
        "applied_version": row.version,
        "applied_retries": row.retries_wanted,
        "applied_cleanups": row.cleanups_wanted,
    }


def _failed(row: Row[Any], error: str, now: datetime) -> dict[str, object]:
    return {
        "job_id": row.id,
        "tenant_id": row.tenant_id,
        "owner_id": row.owner_id,
        "state": JobState.FAILED,
        "paused": row.paused,
        **_applied(row),
        "frames": row.frame_count,
        "succeeded": 0,
        "failed": row.frame_count - (row.succeeded or 0),
        "running": 0,
        "progress": 0.0,
        "error": error,
        "version": (row.seen or 0) + 1,
        "created_at": row.created_at,
        "started_at": None,
        "finished_at": now,
        "updated_at": now,
    }


def _line(row: Row[Any], error: str, now: datetime) -> rows.Row:
    line = Transition(
        tenant_id=row.tenant_id,
        job_id=row.id,
        entity="job",
        entity_id=row.id,
        was=row.state,
        became=JobState.FAILED,
        why=error,
    )
    return rows.history_row(line, now)


def _changed(row: Row[Any], error: str) -> JobChanged:
    return JobChanged(
        tenant_id=row.tenant_id,
        owner_id=row.owner_id,
        job_id=row.id,
        state=JobState.FAILED,
        paused=row.paused,
        frames=row.frame_count,
        succeeded=row.succeeded or 0,
        failed=row.frame_count - (row.succeeded or 0),
        error=error,
    )

"""Jobs whose spec no scheduler can read: they fail, and the farm goes on without them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.domain.states import AttemptState, JobState, StepState, TaskState
from lightmill.messages.job_changed import JobChanged
from lightmill.runtime.clock import Clock
from lightmill.scheduler.adapters.error_reports import add_reports
from lightmill.scheduler.adapters.leadership import check_epoch
from lightmill.scheduler.core.error_report import ErrorReport
from lightmill.storage.sql import outbox
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import ATTEMPTS, JOB_STATES, OUTBOX, STEPS, TASKS
from lightmill.storage.sql.upsert import upsert

UNREADABLE = (ValueError, TypeError, KeyError, IndexError)
"""What reading a spec raises that is not one."""

_KIND = "UnreadableJob"
_REASON = 500
_ENDED = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)
_LIVE = (
    (STEPS, StepState.FAILED, (StepState.BLOCKED, StepState.READY, StepState.RUNNING)),
    (TASKS, TaskState.CANCELLED, (TaskState.ASSIGNED, TaskState.RUNNING)),
    (ATTEMPTS, AttemptState.CANCELLED, (AttemptState.ASSIGNED, AttemptState.RUNNING)),
)


class UnreadableJobsError(Exception):
    """Some of the jobs that were asked for cannot be read; `reasons` by the job's id."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__(", ".join(reasons))
        self.reasons = reasons


def reason(error: Exception) -> str:
    """Return in one line what is wrong with a spec."""
    if not isinstance(error, ValidationError):
        return repr(error)
    faults = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in faults)


class UnreadableJobs:
    """Fails them, as the leader of one epoch."""

    def __init__(self, database: Database, clock: Clock, *, epoch: int) -> None:
        self._database = database
        self._clock = clock
        self._epoch = epoch

    async def fail(self, reasons: Mapping[str, str]) -> None:
        """Commit that these jobs have FAILED, with an error report; one that has ended stays so.

        What a node still holds of them is in no leader's memory: its report brings the order to
        end it.

        Raises:
            NotLeaderError: the epoch has passed.
        """
        now = self._clock.now()
        query = (
            select(JOBS, JOB_STATES.c.state, JOB_STATES.c.version.label("seen"))
            .select_from(JOBS.outerjoin(JOB_STATES, JOB_STATES.c.job_id == JOBS.c.id))
            .where(JOBS.c.id.in_(list(reasons)))
        )
        async with self._database.transaction() as connection:
            await check_epoch(connection, self._epoch)
            for row in (await connection.execute(query)).all():
                if row.state in _ENDED:
                    await _apply(connection, row)
                else:
                    await self._fail(connection, row, reasons[row.id], now)

    async def _fail(
        self, connection: AsyncConnection, row: Row[Any], why: str, now: datetime
    ) -> None:
        error = (
            "the scheduler cannot read what this job asks for, so it was given up; submit it"
            f" again ({why[:_REASON]})"
        )
        dialect = self._database.dialect
        put = upsert(JOB_STATES, dialect, keep=("succeeded", "started_at"))
        await connection.execute(put, [_failed(row, error, now)])
        for table, became, live in _LIVE:
            change = update(table).where(table.c.job_id == row.id, table.c.state.in_(live))
            await connection.execute(change.values(state=became))
        report = ErrorReport(kind=_KIND, message=error, stack=f"job {row.id}: {why}")
        await add_reports(connection, dialect, [report], now)
        await outbox.put(connection, OUTBOX, [outbox.Publish(_changed(row, error))], now)


async def _apply(connection: AsyncConnection, row: Row[Any]) -> None:
    applied = update(JOB_STATES).where(JOB_STATES.c.job_id == row.id)
    await connection.execute(applied.values(**_applied(row)))


def _applied(row: Row[Any]) -> dict[str, object]:
    return {
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
        "failed": row.frame_count,
        "running": 0,
        "progress": 0.0,
        "error": error,
        "version": (row.seen or 0) + 1,
        "created_at": row.created_at,
        "started_at": None,
        "finished_at": now,
        "updated_at": now,
    }


def _changed(row: Row[Any], error: str) -> JobChanged:
    return JobChanged(
        tenant_id=row.tenant_id,
        owner_id=row.owner_id,
        job_id=row.id,
        state=JobState.FAILED,
        paused=row.paused,
        frames=row.frame_count,
        succeeded=0,
        failed=row.frame_count,
        error=error,
    )

"""What has become of a job: tasks, attempts, results."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, and_, exists, func, or_, select

from lightmill.api.core import cursor
from lightmill.api.core.moment import rfc3339
from lightmill.api.core.remaining import remaining
from lightmill.api.ports import Freed
from lightmill.api.queries.expiry import still_there
from lightmill.api.queries.page import Cut, Page, page
from lightmill.domain.states import NodeState, TaskState
from lightmill.runtime.clock import Clock
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import ATTEMPTS, NODES, RESULTS, STEPS, TASKS
from lightmill.storage.sql.schema.scheduler import WORKSPACES_FREED as FREED

Sign = Callable[[str], str]
_THERE = (NodeState.ONLINE, NodeState.DRAINING)


class WorkQueries:
    """Reads what the scheduler has written about one job of a tenant."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def exists(self, tenant_id: str, job_id: str) -> bool:
        """Tell whether the tenant has this job."""
        query = select(JOBS.c.id).where(JOBS.c.id == job_id, JOBS.c.tenant_id == tenant_id)
        async with self._database.reading() as connection:
            return (await connection.execute(query)).scalar() is not None

    async def tasks(self, tenant_id: str, job_id: str, cut: Cut) -> Page:
        """Return the tasks of a job, in the order in which they were assigned first."""
        return await self._by_id(TASKS, tenant_id, job_id, cut, partial(_task, self._clock.now()))

    async def attempts(self, tenant_id: str, job_id: str, cut: Cut) -> Page:
        """Return the attempts of a job, the oldest first."""
        return await self._by_id(ATTEMPTS, tenant_id, job_id, cut, _attempt)

    async def results(
        self, tenant_id: str, job_id: str, cut: Cut, sign: Sign, step: str | None = None
    ) -> Page:
        """Return the images of a job by frame number, each with a URL made by `sign`.

        Those of tiles are left out, unless their step is asked for by its name.
        """
        query = (
            select(RESULTS, STEPS.c.name.label("step"))
            .join(STEPS, STEPS.c.id == RESULTS.c.step_id)
            .where(RESULTS.c.tenant_id == tenant_id, RESULTS.c.job_id == job_id, still_there())
            .order_by(RESULTS.c.frame, RESULTS.c.step_id)
        )
        if step is not None:
            query = query.where(STEPS.c.name == step)
        elif hidden := await self._not_delivered(tenant_id, job_id):
            query = query.where(STEPS.c.position.not_in(hidden))
        if cut.after is not None:
            frame, step_id = cursor.decode(cut.after, int, str)
            query = query.where(_behind(frame, step_id))

        def item(row: Row[Any]) -> dict[str, object]:
            return _result(row, sign)

        def mark(row: Row[Any]) -> str:
            return cursor.encode(row.frame, row.step_id)

        async with self._database.reading() as connection:
            return await page(connection, query, cut.limit, item, mark)

    async def _not_delivered(self, tenant_id: str, job_id: str) -> list[int]:
        """Return the positions of the steps whose images serve other steps alone."""
        query = select(JOBS.c.spec).where(JOBS.c.id == job_id, JOBS.c.tenant_id == tenant_id)
        async with self._database.reading() as connection:
            spec = (await connection.execute(query)).scalar() or {"steps": ()}
        return [
            place for place, step in enumerate(spec["steps"]) if not step.get("delivered", True)
        ]

    async def freed(self, tenant_id: str, job_id: str) -> Freed:
        """Return what nodes have freed of the job's workspaces."""
        mine = (FREED.c.tenant_id == tenant_id, FREED.c.job_id == job_id)
        size = select(func.coalesce(func.sum(FREED.c.bytes), 0)).where(*mine)
        told = exists().where(*mine, FREED.c.node_id == NODES.c.id)
        silent = select(NODES.c.id).where(NODES.c.state.in_(_THERE), ~told).limit(1)
        async with self._database.reading() as connection:
            # In this order: a node that tells in between is not missing from the sum unnoticed.
            complete = (await connection.execute(silent)).first() is None
            return Freed(int((await connection.execute(size)).scalar_one()), complete)

    async def attempt_exists(self, tenant_id: str, job_id: str, attempt_id: str) -> bool:
        """Tell whether the tenant's job has had this attempt."""
        query = _of(ATTEMPTS, tenant_id, job_id).where(ATTEMPTS.c.id == attempt_id)
        async with self._database.reading() as connection:
            return (await connection.execute(query)).one_or_none() is not None

    async def _by_id(
        self,
        table: Table,
        tenant_id: str,
        job_id: str,
        cut: Cut,
        item: Callable[[Row[Any]], dict[str, object]],
    ) -> Page:
        query = _of(table, tenant_id, job_id).order_by(table.c.id)
        if cut.after is not None:
            query = query.where(table.c.id > cursor.decode(cut.after, str)[0])

        def mark(row: Row[Any]) -> str:
            return cursor.encode(row.id)

        async with self._database.reading() as connection:
            return await page(connection, query, cut.limit, item, mark)


def _of(table: Table, tenant_id: str, job_id: str) -> Select[Any]:
    return select(table).where(table.c.tenant_id == tenant_id, table.c.job_id == job_id)


def _behind(frame: object, step_id: object) -> ColumnElement[bool]:
    return or_(
        RESULTS.c.frame > frame, and_(RESULTS.c.frame == frame, RESULTS.c.step_id > step_id)
    )


def _task(now: datetime, row: Row[Any]) -> dict[str, object]:
    runs = row.state == TaskState.RUNNING
    return {
        "id": row.id,
        "step_id": row.step_id,
        "frames": row.frames,
        "state": row.state,
        "node_id": row.node_id,
        "attempt_id": row.attempt_id,
        "progress": row.progress,
        "remaining_seconds": remaining(row.progress, row.started_at, now) if runs else None,
        "failures": row.failures,
        "error": row.error,
        "created_at": rfc3339(row.created_at),
        "started_at": rfc3339(row.started_at),
        "finished_at": rfc3339(row.finished_at),
    }


def _attempt(row: Row[Any]) -> dict[str, object]:
    return {
        "id": row.id,
        "task_id": row.task_id,
        "step_id": row.step_id,
        "node_id": row.node_id,
        "session": row.session,
        "epoch": row.epoch,
        "state": row.state,
        "cores": row.cores,
        "ram": row.ram,
        "gpus": row.gpus,
        "failure": row.failure,
        "detail": row.detail,
        "assigned_at": rfc3339(row.assigned_at),
        "started_at": rfc3339(row.started_at),
        "ended_at": rfc3339(row.ended_at),
    }


def _result(row: Row[Any], sign: Sign) -> dict[str, object]:
    return {
        "frame": row.frame,
        "ordinal": row.ordinal,
        "step_id": row.step_id,
        "step": row.step,
        "name": (row.object_key or "").rpartition("/")[2],
        "attempt_id": row.attempt_id,
        "node_id": row.node_id,
        "blake3": row.blake3,
        "size": row.size,
        "width": row.width,
        "height": row.height,
        "media_type": row.media_type,
        "seconds": row.seconds,
        "peak_ram": row.peak_ram,
        "samples": row.samples,
        "engine": row.engine,
        "created_at": rfc3339(row.created_at),
        "url": None if row.object_key is None else sign(row.object_key),
        "thumbnail_url": None if row.thumbnail_key is None else sign(row.thumbnail_key),
    }

"""How the farm gets on, in seed 003's words: the tenant's own work, everybody's machines."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from lightmill.api.core.moment import rfc3339
from lightmill.api.ports.system import Counts, System
from lightmill.domain.job import JobKind
from lightmill.domain.policy import LUMINA, SWEEPS
from lightmill.domain.states import AttemptState, JobState
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.policy import read_policy
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import (
    ATTEMPTS,
    ERROR_REPORTS,
    JOB_STATES,
    LEADERSHIP,
    LIMIT_STATES,
    NODES,
)

_LIVE = (JobState.PENDING, JobState.PROCESSING)
_HELD = (AttemptState.ASSIGNED, AttemptState.RUNNING)
_RECENT = timedelta(hours=1)
_QUEUE = JOBS.c.spec["work"]["settings"]["makeApiQueue"].as_string()


class SystemQueries(System):
    """Reads figures."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @override
    async def work(self, tenant_id: str, now: datetime) -> Mapping[str, Counts]:
        """Return the tenant's frames, those of sweeps for Lumina apart (`lumina`, `standard`).

        Waiting work is counted by the lengths of its ranges: the cost grows with jobs, not frames.
        """
        state = func.coalesce(JOB_STATES.c.state, JobState.PENDING)
        waits = (
            func.coalesce(JOB_STATES.c.frames, JOBS.c.frame_count)
            - func.coalesce(JOB_STATES.c.succeeded, 0)
            - func.coalesce(JOB_STATES.c.failed, 0)
            - func.coalesce(JOB_STATES.c.running, 0)
        )
        query = (
            select(
                _lumina().label("lumina"),
                func.sum(case((state.in_(_LIVE), waits), else_=0)).label("pending"),
                func.sum(func.coalesce(JOB_STATES.c.running, 0)).label("processing"),
                func.sum(func.coalesce(JOB_STATES.c.succeeded, 0)).label("completed"),
                func.sum(func.coalesce(JOB_STATES.c.failed, 0)).label("failed"),
            )
            .select_from(JOBS.outerjoin(JOB_STATES, JOB_STATES.c.job_id == JOBS.c.id))
            .where(JOBS.c.tenant_id == tenant_id)
            .group_by("lumina")
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
            rate = await _rate(connection, tenant_id, now)
        found = {"lumina" if row.lumina else "standard": _counts(row) for row in rows}
        standard = found.get("standard", Counts())
        whole = {name: getattr(standard, name) for name in ("pending", "processing")}
        return {
            "lumina": found.get("lumina", Counts()),
            "standard": Counts(
                **whole, completed=standard.completed, failed=standard.failed, rate=rate
            ),
        }

    @override
    async def ceilings(self) -> Mapping[str, int]:
        """Return how many sub-tasks of each of seed 003's kinds may run at once."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(LIMIT_STATES))).all()
            limits = (await read_policy(connection)).limits
        standing = {row.name: row.ceiling for row in rows}
        return {name: standing.get(name, limits[name].initial) for name in (SWEEPS, LUMINA)}

    @override
    async def executors(self) -> list[dict[str, object]]:
        """Return the render machines as seed 003 calls them."""
        held = (
            select(ATTEMPTS.c.node_id, func.count().label("running"))
            .where(ATTEMPTS.c.state.in_(_HELD))
            .group_by(ATTEMPTS.c.node_id)
        )
        async with self._database.reading() as connection:
            nodes = (await connection.execute(select(NODES).order_by(NODES.c.id))).all()
            running = {row.node_id: row.running for row in await connection.execute(held)}
        return [
            {
                "executorId": node.id,
                "executorName": node.name,
                "executorGroup": list(node.offer.get("pools", ())),
                "status": node.state,
                "runningTasks": running.get(node.id, 0),
                "lastHeartbeat": rfc3339(node.seen_at),
            }
            for node in nodes
        ]

    @override
    async def leader(self) -> Mapping[str, object] | None:
        """Return who leads, since when and in which epoch; None while nobody has."""
        async with self._database.reading() as connection:
            row = (await connection.execute(select(LEADERSHIP))).one_or_none()
        if row is None:
            return None
        return {"holder": row.holder, "epoch": row.epoch, "since": rfc3339(row.since)}

    @override
    async def recent_errors(self, now: datetime) -> int:
        """Return how many kinds of errors have occurred in the last hour."""
        recent = ERROR_REPORTS.c.last_occurred_at >= now - _RECENT
        query = select(func.count()).select_from(ERROR_REPORTS).where(recent)
        async with self._database.reading() as connection:
            return int((await connection.execute(query)).scalar_one())


def _lumina() -> ColumnElement[int]:
    return case(
        (and_(JOBS.c.kind == JobKind.SWEEP, _QUEUE.is_not(None)), 1),
        else_=0,
    )


def _counts(row: Row[Any]) -> Counts:
    names = ("pending", "processing", "completed", "failed")
    return Counts(**{name: int(getattr(row, name) or 0) for name in names})


async def _rate(connection: AsyncConnection, tenant_id: str, now: datetime) -> float:
    """Return the frames a minute of the jobs that are being rendered, since each began."""
    query = select(JOB_STATES.c.succeeded, JOB_STATES.c.started_at).where(
        JOB_STATES.c.tenant_id == tenant_id, JOB_STATES.c.state == JobState.PROCESSING
    )
    rate = 0.0
    for row in await connection.execute(query):
        seconds = (now - row.started_at).total_seconds() if row.started_at else 0.0
        rate += row.succeeded * 60 / seconds if seconds > 0 else 0.0
    return round(rate, 3)

"""What was asked of jobs, and lists of them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select

from lightmill.api.core import cursor
from lightmill.api.core.job_view import PAUSED, ask_key
from lightmill.api.core.moment import rfc3339
from lightmill.api.queries.page import Cut, Page, page
from lightmill.api.queries.standings import COLUMNS, standing_of
from lightmill.domain.job import JobSpec, StepSpec
from lightmill.domain.resources import Needs
from lightmill.domain.states import JobState
from lightmill.storage.ports import StatusCache
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import JOB_STATES

_SPEC = TypeAdapter(JobSpec)
_OVER = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)
_APPLIED = (JobState.PROCESSING, *_OVER)
"""What only a scheduler makes of a job: whoever has such a state has a row in `job_states`."""

_ASKED = (
    JOBS.c.user_label,
    JOBS.c.name,
    JOBS.c.kind,
    JOBS.c.pool,
    JOBS.c.bundle_id,
    JOBS.c.design_id,
    JOBS.c.priority,
    JOBS.c.wanted,
    JOBS.c.version,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs of the tenant a list shows; None means all."""

    state: str | None = None
    owner_id: str | None = None
    user_label: str | None = None
    kind: str | None = None
    pool: str | None = None


class JobQueries:
    """Reads what was asked of jobs."""

    def __init__(self, database: Database, cache: StatusCache) -> None:
        self._database = database
        self._cache = cache

    async def ask(self, tenant_id: str, job_id: str) -> Mapping[str, Any] | None:
        """Return what was asked of a job of the tenant, or None; no SQL when it is cached."""
        kept = await self._cache.get(ask_key(job_id))
        if kept is not None and "version" in kept:
            return kept if kept.get("tenant_id") == tenant_id else None
        return await self.fresh_ask(tenant_id, job_id)

    async def fresh_ask(self, tenant_id: str, job_id: str) -> Mapping[str, Any] | None:
        """Return what the database says was asked of a job, and keep it in the cache."""
        query = select(JOBS).where(JOBS.c.id == job_id, JOBS.c.tenant_id == tenant_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        asked = _ask(row)
        await self._cache.set_newer(ask_key(job_id), row.version, asked)
        return asked

    async def spec(self, tenant_id: str, job_id: str) -> JobSpec | None:
        """Return the whole specification of a job of the tenant, or None."""
        query = select(JOBS.c.spec).where(JOBS.c.id == job_id, JOBS.c.tenant_id == tenant_id)
        async with self._database.reading() as connection:
            found = (await connection.execute(query)).scalar()
        return None if found is None else _SPEC.validate_python(found)

    async def listed(self, tenant_id: str, wanted: JobFilter, cut: Cut) -> Page:
        """Return the tenant's jobs, the newest first."""
        query = _filtered(
            select(*COLUMNS, *_ASKED)
            .outerjoin(JOB_STATES, JOB_STATES.c.job_id == JOBS.c.id)
            .where(JOBS.c.tenant_id == tenant_id),
            wanted,
        )
        at, key = JOBS.c.created_at, JOBS.c.id
        if wanted.state in _APPLIED:
            query = query.where(*_mine(tenant_id, wanted))
            at, key = JOB_STATES.c.created_at, JOB_STATES.c.job_id
        query = query.order_by(at.desc(), key.desc())
        if cut.after is not None:
            written, job_id = cursor.decode(cut.after, str, str)
            moment = cursor.moment(written)
            query = query.where(or_(at < moment, and_(at == moment, key < job_id)))
        async with self._database.reading() as connection:
            return await page(connection, query, cut.limit, _item, _mark)


def _mine(tenant_id: str, wanted: JobFilter) -> list[ColumnElement[bool]]:
    """Return the conditions that lead to the job's state by the indexes of `job_states`."""
    conditions = [JOB_STATES.c.tenant_id == tenant_id]
    if wanted.owner_id is not None:
        conditions.append(JOB_STATES.c.owner_id == wanted.owner_id)
    return conditions


def _filtered(query: Select[Any], wanted: JobFilter) -> Select[Any]:
    columns = {
        JOBS.c.owner_id: wanted.owner_id,
        JOBS.c.user_label: wanted.user_label,
        JOBS.c.kind: wanted.kind,
        JOBS.c.pool: wanted.pool,
    }
    for column, value in columns.items():
        if value is not None:
            query = query.where(column == value)
    state: ColumnElement[Any] = func.coalesce(JOB_STATES.c.state, JobState.PENDING)
    paused: ColumnElement[Any] = func.coalesce(JOB_STATES.c.paused, JOBS.c.paused)
    if wanted.state == PAUSED:
        return query.where(paused.is_(True), state.not_in(_OVER))
    if wanted.state is None:
        return query
    if wanted.state in _APPLIED:
        state, paused = JOB_STATES.c.state, JOB_STATES.c.paused
    return query.where(state == wanted.state, or_(paused.is_(False), state.in_(_OVER)))


def _item(row: Row[Any]) -> dict[str, object]:
    standing = standing_of(row, None)
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "state": standing.shown,
        "progress": standing.progress,
        "frames": {
            "total": standing.frames,
            "succeeded": standing.succeeded,
            "failed": standing.failed,
            "running": standing.running,
        },
        "error": standing.error,
        "priority": row.priority,
        "pool": row.pool,
        "owner_id": row.owner_id,
        "user_label": row.user_label,
        "bundle_id": row.bundle_id,
        "design_id": row.design_id,
        "version": row.version,
        "created_at": standing.created_at,
        "started_at": standing.started_at,
        "finished_at": standing.finished_at,
        "updated_at": standing.updated_at,
    }


def _mark(row: Row[Any]) -> str:
    return cursor.encode(row.created_at, row.id)


def _ask(row: Row[Any]) -> dict[str, object]:
    spec = _SPEC.validate_python(row.spec)
    return {
        "tenant_id": row.tenant_id,
        "version": row.version,
        "name": row.name,
        "kind": row.kind,
        "priority": row.priority,
        "pool": row.pool,
        "owner_id": row.owner_id,
        "user_label": row.user_label,
        "bundle_id": row.bundle_id,
        "design_id": row.design_id,
        "engine": spec.work.engine,
        "scene": spec.work.scene,
        "settings": dict(spec.work.settings),
        "steps": list(map(_step, spec.steps)),
        "needs": _needs(spec.needs),
        "limits": list(spec.limits),
        "after": list(map(asdict, spec.after)),
        "deadline": rfc3339(spec.deadline),
        "failure_budget": spec.failure_budget,
        "approved": row.approved,
    }


def _step(step: StepSpec) -> dict[str, object]:
    return {
        "name": step.name,
        "frames": str(step.frames),
        "order": step.order,
        "chunk": step.chunk,
        "after": list(map(asdict, step.after)),
        "approval": step.approval,
        "engine": step.work and step.work.engine,
        "scene": step.work and step.work.scene,
        "needs": None if step.needs is None else _needs(step.needs),
    }


def _needs(needs: Needs) -> dict[str, object]:
    plain = asdict(replace(needs, profiles=()))
    del plain["profiles"]
    return {**plain, "hardware_config_ids": [int(profile.id) for profile in needs.profiles]}

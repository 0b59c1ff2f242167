"""Where jobs stand: the status cache first, then SQL."""

from typing import Any, cast

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.api.core.job_view import Standing, status_key
from lightmill.api.core.moment import rfc3339
from lightmill.api.queries.expiry import still_there
from lightmill.domain.states import JobState
from lightmill.storage.ports import StatusCache
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import JOB_STATES, RESULTS, STEPS

_JOB = (
    JOBS.c.id,
    JOBS.c.tenant_id,
    JOBS.c.owner_id,
    JOBS.c.frame_count,
    JOBS.c.paused.label("pause_wanted"),
    JOBS.c.created_at,
    JOBS.c.updated_at.label("asked_at"),
)
_STATE = (
    JOB_STATES.c.state,
    JOB_STATES.c.paused,
    JOB_STATES.c.succeeded,
    JOB_STATES.c.failed,
    JOB_STATES.c.running,
    JOB_STATES.c.progress,
    JOB_STATES.c.error,
    JOB_STATES.c.version.label("state_version"),
    JOB_STATES.c.started_at,
    JOB_STATES.c.finished_at,
    JOB_STATES.c.updated_at,
)
COLUMNS = (*_JOB, *_STATE)


class Standings:
    """Reads where one job stands."""

    def __init__(self, database: Database, cache: StatusCache) -> None:
        self._database = database
        self._cache = cache

    async def find(self, tenant_id: str, job_id: str) -> Standing | None:
        """Return the standing of a job of the tenant, or None; no SQL when it is cached."""
        document = await self._cache.get(status_key(job_id))
        standing = None if document is None else Standing.read(document)
        if standing is not None:
            return standing if standing.tenant_id == tenant_id else None
        return await self._read_and_keep(tenant_id, job_id)

    async def _read_and_keep(self, tenant_id: str, job_id: str) -> Standing | None:
        async with self._database.reading() as connection:
            row = await _row(connection, tenant_id, job_id)
            if row is None:
                return None
            result_key = await _first_result(connection, job_id) if row.succeeded else None
        standing = standing_of(row, result_key)
        await self._cache.set_newer(
            status_key(job_id), row.state_version or 0, standing.document()
        )
        return standing

    async def fresh(self, tenant_id: str, job_id: str) -> Standing | None:
        """Return the standing as the database has it, without its result."""
        async with self._database.reading() as connection:
            row = await _row(connection, tenant_id, job_id)
        return None if row is None else standing_of(row, None)


async def _row(connection: AsyncConnection, tenant_id: str, job_id: str) -> Row[Any] | None:
    query = (
        select(*COLUMNS)
        .outerjoin(JOB_STATES, JOB_STATES.c.job_id == JOBS.c.id)
        .where(JOBS.c.id == job_id, JOBS.c.tenant_id == tenant_id)
    )
    found: Any = (await connection.execute(query)).one_or_none()
    return cast("Row[Any] | None", found)


async def _first_result(connection: AsyncConnection, job_id: str) -> str | None:
    """Return the first image by step and ordinal: two reads by key, however long the job."""
    steps = select(STEPS.c.id).where(STEPS.c.job_id == job_id).order_by(STEPS.c.position)
    for step_id in (await connection.execute(steps)).scalars().all():
        query = (
            select(RESULTS.c.object_key)
            .where(RESULTS.c.step_id == step_id, RESULTS.c.object_key.is_not(None), still_there())
            .order_by(RESULTS.c.ordinal)
            .limit(1)
        )
        key: str | None = (await connection.execute(query)).scalar()
        if key is not None:
            return key
    return None


def standing_of(row: Row[Any], result_key: str | None) -> Standing:
    """Return the standing in a row of COLUMNS; a job that no scheduler has seen is PENDING."""
    seen = row.state is not None
    return Standing(
        job_id=row.id,
        tenant_id=row.tenant_id,
        owner_id=row.owner_id,
        state=JobState(row.state) if seen else JobState.PENDING,
        paused=bool(row.paused if seen else row.pause_wanted),
        frames=row.frame_count,
        succeeded=row.succeeded or 0,
        failed=row.failed or 0,
        running=row.running or 0,
        progress=row.progress or 0.0,
        error=row.error,
        created_at=rfc3339(row.created_at) or "",
        started_at=rfc3339(row.started_at),
        finished_at=rfc3339(row.finished_at),
        updated_at=rfc3339(row.updated_at if seen else row.asked_at) or "",
        result_key=result_key,
    )

"""Who still needs a file."""

from sqlalchemy import Column, TextClause, and_, bindparam, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.domain.states import JobState
from lightmill.storage.sql.schema.api import BUNDLES, DESIGNS, JOBS
from lightmill.storage.sql.schema.scheduler import JOB_STATES

_OVER = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)
_HOLDS = {
    "mysql": "JSON_CONTAINS({column}, JSON_OBJECT('asset_id', :asset_id))",
    "sqlite": (
        "EXISTS (SELECT 1 FROM json_each({column}) AS entry"
        " WHERE json_extract(entry.value, '$.asset_id') = :asset_id)"
    ),
}


async def referrer(
    connection: AsyncConnection, dialect: str, tenant_id: str, asset_id: int
) -> str | None:
    """Return what needs the asset, in words: a design, or a job that is not over; or None."""
    design = select(DESIGNS.c.design_id).where(
        DESIGNS.c.tenant_id == tenant_id, _holds(dialect, DESIGNS.c.manifest, asset_id)
    )
    found = (await connection.execute(design.limit(1))).scalar()
    if found is not None:
        return f"design {found}"
    job = (
        select(JOBS.c.id)
        .join(BUNDLES, BUNDLES.c.id == JOBS.c.bundle_id)
        .outerjoin(JOB_STATES, JOB_STATES.c.job_id == JOBS.c.id)
        .where(
            and_(JOBS.c.tenant_id == tenant_id, BUNDLES.c.tenant_id == tenant_id),
            or_(JOB_STATES.c.state.is_(None), JOB_STATES.c.state.not_in(_OVER)),
            _holds(dialect, BUNDLES.c.manifest, asset_id),
        )
    )
    found = (await connection.execute(job.limit(1))).scalar()
    return None if found is None else f"job {found}"


def _holds(dialect: str, column: Column[object], asset_id: int) -> TextClause:
    name = f"{column.table.name}.{column.name}"
    condition = text(_HOLDS[dialect].format(column=name))
    return condition.bindparams(bindparam("asset_id", asset_id, unique=False))

"""Who still needs a file."""

from collections.abc import Sequence

from sqlalchemy import Column, Select, TextClause, and_, bindparam, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.domain.states import JobState
from lightmill.storage.sql.schema.api import (
    BUNDLES,
    DESIGN_VERSIONS,
    DESIGNS,
    JOBS,
    MATERIALS,
    TEXTURES,
)
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
    """Return what needs the asset, in words; or None.

    A design, a material, a texture, or a job that is not over.
    """
    for kind, query in _components(dialect, tenant_id, asset_id):
        found = (await connection.execute(query.limit(1))).scalar()
        if found is not None:
            return f"{kind} {found}"
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


def _components(
    dialect: str, tenant_id: str, asset_id: int
) -> Sequence[tuple[str, Select[tuple[str]]]]:
    design = (
        select(DESIGNS.c.design_id)
        .join(DESIGN_VERSIONS, DESIGN_VERSIONS.c.design == DESIGNS.c.id)
        .where(
            DESIGN_VERSIONS.c.tenant_id == tenant_id,
            _holds(dialect, DESIGN_VERSIONS.c.manifest, asset_id),
        )
    )
    material = select(MATERIALS.c.material_id).where(
        MATERIALS.c.tenant_id == tenant_id, _holds(dialect, MATERIALS.c.manifest, asset_id)
    )
    texture = select(TEXTURES.c.texture_id).where(
        TEXTURES.c.tenant_id == tenant_id, _holds(dialect, TEXTURES.c.manifest, asset_id)
    )
    return (("design", design), ("material", material), ("texture", texture))


def _holds(dialect: str, column: Column[object], asset_id: int) -> TextClause:
    name = f"{column.table.name}.{column.name}"
    condition = text(_HOLDS[dialect].format(column=name))
    return condition.bindparams(bindparam("asset_id", asset_id, unique=False))

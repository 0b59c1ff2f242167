"""What nodes have freed, in SQL: one row a job and node."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.storage.sql.schema.scheduler import JOB_STATES, WORKSPACES_FREED
from lightmill.storage.sql.upsert import upsert

_MANY = 1000
"""Ids in one IN (...)."""


async def put_freed(
    connection: AsyncConnection, dialect: str, freed: Mapping[tuple[str, str], int], now: datetime
) -> None:
    """Write the bytes by job and node; what is written already, or of no known job, is left."""
    jobs = sorted({job_id for job_id, _ in freed})
    for start in range(0, len(jobs), _MANY):
        some = jobs[start : start + _MANY]
        tenants = await _tenants(connection, some)
        written = await _written(connection, some)
        rows = [
            {
                "job_id": job_id,
                "node_id": node_id,
                "tenant_id": tenants[job_id],
                "bytes": size,
                "at": now,
            }
            for (job_id, node_id), size in freed.items()
            if job_id in tenants and written.get((job_id, node_id)) != size
        ]
        if rows:
            await connection.execute(upsert(WORKSPACES_FREED, dialect), rows)


async def _tenants(connection: AsyncConnection, jobs: list[str]) -> dict[str, str]:
    query = select(JOB_STATES.c.job_id, JOB_STATES.c.tenant_id).where(
        JOB_STATES.c.job_id.in_(jobs)
    )
    return {row.job_id: row.tenant_id for row in await connection.execute(query)}


async def _written(connection: AsyncConnection, jobs: list[str]) -> dict[tuple[str, str], int]:
    query = select(WORKSPACES_FREED).where(WORKSPACES_FREED.c.job_id.in_(jobs))
    return {(row.job_id, row.node_id): row.bytes for row in await connection.execute(query)}

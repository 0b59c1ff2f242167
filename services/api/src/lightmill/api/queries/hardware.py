"""Hardware profiles, with what of them is free now."""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, select

from lightmill.api.core import cursor
from lightmill.api.core.hardware import assigned_profile
from lightmill.api.core.moment import rfc3339
from lightmill.api.queries.nodes import Load, NodeQueries
from lightmill.api.queries.page import Cut, Page, page
from lightmill.domain.job import JobSpec
from lightmill.domain.resources import Offer, Profile
from lightmill.domain.states import NodeState
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import HARDWARE_CONFIGS as CONFIGS
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import NODES, TASKS

_OFFER = TypeAdapter(Offer)
_SPEC = TypeAdapter(JobSpec)


class HardwareQueries:
    """Reads the hardware profiles of a tenant."""

    def __init__(self, database: Database, nodes: NodeQueries) -> None:
        self._database = database
        self._nodes = nodes

    async def listed(self, tenant_id: str, cut: Cut) -> Page:
        """Return the tenant's profiles, in the order in which they were made."""
        loads = await self._nodes.loads()
        query = select(CONFIGS).where(CONFIGS.c.tenant_id == tenant_id).order_by(CONFIGS.c.id)
        if cut.after is not None:
            query = query.where(CONFIGS.c.id > cursor.decode(cut.after, int)[0])

        def item(row: Row[Any]) -> dict[str, object]:
            return _config(row, loads)

        def mark(row: Row[Any]) -> str:
            return cursor.encode(row.id)

        async with self._database.reading() as connection:
            return await page(connection, query, cut.limit, item, mark)

    async def find(self, tenant_id: str, config_id: int) -> dict[str, object] | None:
        """Return one profile of the tenant, or None."""
        loads = await self._nodes.loads()
        query = select(CONFIGS).where(CONFIGS.c.tenant_id == tenant_id, CONFIGS.c.id == config_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _config(row, loads)

    async def profiles(self, tenant_id: str, ids: Sequence[int]) -> dict[int, Profile]:
        """Return those of the profiles that the tenant has, by their ids."""
        if not ids:
            return {}
        query = select(CONFIGS).where(CONFIGS.c.tenant_id == tenant_id, CONFIGS.c.id.in_(ids))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return {row.id: _profile(row) for row in rows}

    async def assigned(self, tenant_id: str, job_id: str) -> int | None:
        """Return the profile, of those that a job asks for, of the machine it has had last."""
        given = (
            select(NODES.c.offer)
            .join(TASKS, TASKS.c.node_id == NODES.c.id)
            .where(TASKS.c.tenant_id == tenant_id, TASKS.c.job_id == job_id)
            .order_by(TASKS.c.id.desc())
            .limit(1)
        )
        async with self._database.reading() as connection:
            offer = (await connection.execute(given)).scalar()
            spec = (
                await connection.execute(select(JOBS.c.spec).where(JOBS.c.id == job_id))
            ).scalar()
        if offer is None or spec is None:
            return None
        return assigned_profile(_SPEC.validate_python(spec).needs, _OFFER.validate_python(offer))


def _profile(row: Row[Any]) -> Profile:
    return Profile(
        id=str(row.id),
        name=row.name,
        cores=row.cores,
        ram=row.ram,
        gpus=row.gpu_count,
        gpu_model=row.gpu_model,
        vram=row.vram,
    )


def _config(row: Row[Any], loads: Sequence[Load]) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "cores": row.cores,
        "ram": row.ram,
        "gpu_count": row.gpu_count,
        "gpu_model": row.gpu_model,
        "vram": row.vram,
        "price": row.price,
        "created_at": rfc3339(row.created_at),
        "nodes": sum(_fits(row, load, taken=False) for load in loads),
        "free_nodes": sum(_fits(row, load, taken=True) for load in loads),
    }


def _fits(row: Row[Any], load: Load, *, taken: bool) -> bool:
    """Tell whether a node meets a profile: with all that it has, or with what is free now."""
    if taken and load.state != NodeState.ONLINE:
        return False
    offer = load.offer
    gpus = [
        gpu
        for gpu in offer.gpus
        if gpu.vram >= row.vram and row.gpu_model.lower() in gpu.name.lower()
    ]
    return bool(
        offer.cores - load.cores * taken >= row.cores
        and offer.ram - load.ram * taken >= row.ram
        and len(gpus) - load.gpus * taken >= row.gpu_count
    )

"""Hardware profiles, with what of them is free now."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from lightmill.api.core import cursor
from lightmill.api.core.moment import rfc3339
from lightmill.api.ports import Profile
from lightmill.api.queries.nodes import Load, NodeQueries
from lightmill.api.queries.page import Cut, Page, page
from lightmill.domain.resources import Needs
from lightmill.domain.states import NodeState
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import HARDWARE_CONFIGS as CONFIGS


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

    async def profiles(self, tenant_id: str, ids: Sequence[int]) -> list[Profile]:
        """Return those of the profiles that the tenant has."""
        query = select(CONFIGS).where(CONFIGS.c.tenant_id == tenant_id, CONFIGS.c.id.in_(ids))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [
            Profile(id=row.id, needs=Needs(cores=row.cores, ram=row.ram, gpus=row.gpu_count))
            for row in rows
        ]


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
    gpus = [gpu for gpu in offer.gpus if gpu.vram >= row.vram and row.gpu_model in gpu.name]
    return bool(
        offer.cores - load.cores * taken >= row.cores
        and offer.ram - load.ram * taken >= row.ram
        and len(gpus) - load.gpus * taken >= row.gpu_count
    )

"""How the farm is shared, as its keeper has decided."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.api.core import cursor
from lightmill.api.core.moment import rfc3339
from lightmill.api.queries.page import Cut, Page, page
from lightmill.domain.policy import DEFAULT_LIMITS, DEFAULT_POOLS, Limit, Pool, PoolMode, Share
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.policy import limit_of, pool_of, share_of
from lightmill.storage.sql.schema.api import FARM_POLICY, LIMITS, POOLS, SHARES
from lightmill.storage.sql.schema.scheduler import LIMIT_STATES

TENANT = "*"
"""Stands for the whole tenant where a user is named."""

Document = dict[str, object]


class PolicyQueries:
    """Reads pools, limits and shares."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_fifo(self, pool: str) -> bool:
        """Tell whether a pool hands out its jobs strictly by creation time."""
        query = select(POOLS.c.mode).where(POOLS.c.name == pool)
        async with self._database.reading() as connection:
            mode = (await connection.execute(query)).scalar()
        if mode is None:
            return pool in DEFAULT_POOLS and DEFAULT_POOLS[pool].mode is PoolMode.FIFO
        return bool(mode == PoolMode.FIFO)

    async def unknown_limits(self, names: Sequence[str]) -> list[str]:
        """Return those of `names` that no limit has."""
        if not names:
            return []
        query = select(LIMITS.c.name).where(LIMITS.c.name.in_(names))
        async with self._database.reading() as connection:
            known = {*DEFAULT_LIMITS, *(await connection.execute(query)).scalars()}
        return [name for name in names if name not in known]

    async def pools(self) -> list[Document]:
        """Return every pool that somebody has decided on, and those that stand by themselves."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(POOLS))).all()
        decided = {row.name: _decided(row, pool_of(row)) for row in rows}
        default = {name: _default(pool) for name, pool in DEFAULT_POOLS.items()}
        return [item for _, item in sorted({**default, **decided}.items())]

    async def limits(self) -> list[Document]:
        """Return every limit, with the ceiling of those that scale."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(LIMITS))).all()
            ceilings = await _ceilings(connection)
        decided = {row.name: _decided(row, limit_of(row)) for row in rows}
        default = {name: _default(limit) for name, limit in DEFAULT_LIMITS.items()}
        return [
            {**item, "ceiling": ceilings.get(name)}
            for name, item in sorted({**default, **decided}.items())
        ]

    async def shares(self, tenant_id: str, cut: Cut) -> Page:
        """Return the shares of a tenant and its users."""
        query = select(SHARES).where(SHARES.c.tenant_id == tenant_id).order_by(SHARES.c.user_label)
        if cut.after is not None:
            query = query.where(SHARES.c.user_label > cursor.decode(cut.after, str)[0])

        def mark(row: Row[Any]) -> str:
            return cursor.encode(row.user_label)

        async with self._database.reading() as connection:
            return await page(connection, query, cut.limit, _share, mark)

    async def farm(self) -> Document:
        """Return what holds for the whole farm."""
        async with self._database.reading() as connection:
            row = (await connection.execute(select(FARM_POLICY))).one_or_none()
        if row is None:
            return {"preemption": False, "version": 0, "updated_at": None}
        return {
            "preemption": row.preemption,
            "version": row.version,
            "updated_at": rfc3339(row.updated_at),
        }


async def _ceilings(connection: AsyncConnection) -> Mapping[str, int]:
    rows = await connection.execute(select(LIMIT_STATES.c.name, LIMIT_STATES.c.ceiling))
    return {row.name: row.ceiling for row in rows}


def _decided(row: Row[Any], what: Pool | Limit) -> Document:
    return {**asdict(what), "version": row.version, "updated_at": rfc3339(row.updated_at)}


def _default(what: Pool | Limit) -> Document:
    return {**asdict(what), "version": 0, "updated_at": None}


def _share(row: Row[Any]) -> Document:
    share: Share = share_of(row)
    return {
        "user": share.user or TENANT,
        "weight": share.weight,
        "size": share.size,
        "burst": share.burst,
        "version": row.version,
        "updated_at": rfc3339(row.updated_at),
    }

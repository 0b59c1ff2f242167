"""How the farm is shared, as its keeper has decided."""

from collections.abc import Sequence

from sqlalchemy import select

from lightmill.domain.policy import DEFAULT_POOLS, PoolMode
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import LIMITS, POOLS


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
            known = set((await connection.execute(query)).scalars())
        return [name for name in names if name not in known]

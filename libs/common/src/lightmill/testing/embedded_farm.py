"""A farm's parts in this process, and requests for analyses as the api would write them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update

from lightmill.broker.in_process import InProcessBroker
from lightmill.runtime.clock import SystemClock
from lightmill.runtime.ids import new_id
from lightmill.runtime.parts import Parts
from lightmill.storage.cache.memory import MemoryStatusCache
from lightmill.storage.objects.folder import FolderStore
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.analyzer import ANALYSES
from lightmill.storage.sql.schema.api import ANALYSIS_REQUESTS, ASSETS


@dataclass
class EmbeddedFarm:
    """Parts, and what stands in for the api.

    Attributes:
        parts: What the service under test is handed.
        broker: The same broker as in `parts`, with its handles for tests.
        assets: How many assets there are.
    """

    parts: Parts
    broker: InProcessBroker
    assets: int = field(default=0)

    async def ask(
        self,
        scene: str,
        files: Mapping[str, bytes],
        *,
        tenant: str = "tenant-a",
        content_key: str | None = None,
        lost: bool = False,
    ) -> str:
        """Store `files` and ask for `scene`; `lost` keeps the content out of the store."""
        manifest = [await self._asset(tenant, *item, lost=lost) for item in files.items()]
        row = {
            "id": new_id(),
            "tenant_id": tenant,
            "owner_id": "owner",
            "scene": scene,
            "manifest": manifest,
            "content_key": content_key or new_id(),
            "created_at": self.parts.clock.now(),
        }
        async with self.parts.database.transaction() as connection:
            await connection.execute(insert(ANALYSIS_REQUESTS).values(row))
        return str(row["id"])

    async def hand_over(self, analysis_id: str, tenant: str) -> None:
        """Make a request another tenant's, as no api would; its assets stay where they are."""
        rows = ANALYSIS_REQUESTS.c
        statement = update(ANALYSIS_REQUESTS).where(rows.id == analysis_id)
        async with self.parts.database.transaction() as connection:
            await connection.execute(statement.values(tenant_id=tenant))

    async def answer(self, analysis_id: str) -> dict[str, Any] | None:
        """Return the row of `analyses`, or None."""
        query = select(ANALYSES).where(ANALYSES.c.id == analysis_id)
        async with self.parts.database.reading() as connection:
            found = (await connection.execute(query)).mappings().one_or_none()
        return None if found is None else dict(found)

    async def _asset(
        self, tenant: str, path: str, content: bytes, *, lost: bool
    ) -> dict[str, object]:
        self.assets += 1
        key = f"tenants/{tenant}/assets/{self.assets:064x}"
        if not lost:
            await self.parts.store.put(key, content, "application/octet-stream")
        row = {
            "tenant_id": tenant,
            "owner_id": "owner",
            "name": path,
            "path": path,
            "blake3": f"{self.assets:064x}",
            "md5": "",
            "xxh64": "",
            "size": len(content),
            "object_key": key,
            "created_at": self.parts.clock.now(),
        }
        async with self.parts.database.transaction() as connection:
            inserted = await connection.execute(insert(ASSETS).values(row))
        return {
            "path": path,
            "asset_id": inserted.inserted_primary_key[0],  # type: ignore[index]  # one row
            "blake3": row["blake3"],
            "size": len(content),
        }


def embedded_farm(database: Database, folder: Path) -> EmbeddedFarm:
    """Return a farm on `database`, whose objects lie in `folder`."""
    clock, broker = SystemClock(), InProcessBroker()
    store = FolderStore(folder, "http://localhost", b"key", clock)
    cache = MemoryStatusCache(clock)
    parts = Parts(database=database, broker=broker, store=store, cache=cache, clock=clock)
    return EmbeddedFarm(parts, broker)

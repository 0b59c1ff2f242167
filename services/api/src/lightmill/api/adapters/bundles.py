"""Bundles, in SQL."""

from collections.abc import Sequence

from sqlalchemy import insert, select
from typing_extensions import override

from lightmill.api.adapters.audit import record
from lightmill.api.core.manifest import Entry
from lightmill.api.ports import Bundles
from lightmill.domain.principal import Principal
from lightmill.runtime.clock import Clock
from lightmill.runtime.ids import new_id
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import BUNDLES


class SqlBundles(Bundles):
    """The table `bundles`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @override
    async def add(self, principal: Principal, files: Sequence[Entry]) -> str:
        bundle_id, now = new_id(), self._clock.now()
        async with self._database.transaction() as connection:
            await connection.execute(
                insert(BUNDLES).values(
                    id=bundle_id,
                    tenant_id=principal.tenant_id,
                    owner_id=principal.user_id,
                    manifest=[entry.document() for entry in files],
                    file_count=len(files),
                    size=sum(entry.size for entry in files),
                    created_at=now,
                )
            )
            details = {"files": len(files)}
            await record(connection, principal, "bundle.create", bundle_id, now, details)
        return bundle_id

    @override
    async def manifest(self, tenant_id: str, bundle_id: str) -> list[Entry] | None:
        query = select(BUNDLES.c.manifest).where(
            BUNDLES.c.id == bundle_id, BUNDLES.c.tenant_id == tenant_id
        )
        async with self._database.reading() as connection:
            found = (await connection.execute(query)).scalar()
        return None if found is None else [Entry(**entry) for entry in found]

"""Contents of a tenant, in SQL."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from lightmill.api.adapters.audit import record
from lightmill.api.adapters.references import referrer
from lightmill.api.core.digest import Digests
from lightmill.api.core.problem import ProblemError
from lightmill.api.ports.files import Asset, Assets
from lightmill.domain.principal import Principal
from lightmill.runtime.clock import Clock
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import ASSETS, TENANTS, UPLOADS

_BATCH = 500
_LONGEST_NAME = 255
_TOUCH_EVERY = timedelta(minutes=15)
"""So that asking for ten thousand files again and again does not write ten thousand rows."""


class SqlAssets(Assets):
    """The tables `assets` and `uploads`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @override
    async def content_key(self, tenant_id: str) -> str:
        query = select(TENANTS.c.content_key).where(TENANTS.c.id == tenant_id)
        async with self._database.reading() as connection:
            return str((await connection.execute(query)).scalar_one())

    @override
    async def by_blake3(self, tenant_id: str, blake3: str) -> Asset | None:
        return await self._one(tenant_id, ASSETS.c.blake3 == blake3)

    @override
    async def by_object_key(self, tenant_id: str, key: str) -> Asset | None:
        return await self._one(tenant_id, ASSETS.c.object_key == key)

    @override
    async def by_hashes(self, tenant_id: str, hashes: Sequence[str]) -> Mapping[str, Asset]:
        found: dict[str, Asset] = {}
        # One statement for each index: with OR between the two, MySQL reads the whole tenant.
        for column in (ASSETS.c.md5, ASSETS.c.blake3):
            async for row in self._in_batches(hashes, tenant_id, column.in_):
                asset = asset_of(row)
                found[asset.md5] = found[asset.blake3] = asset
        return {name: found[name] for name in hashes if name in found}

    @override
    async def by_ids(self, tenant_id: str, ids: Sequence[int]) -> Mapping[int, Asset]:
        rows = self._in_batches(ids, tenant_id, ASSETS.c.id.in_)
        return {row.id: asset_of(row) async for row in rows}

    @override
    async def object_keys(self, tenant_id: str, hashes: Sequence[str]) -> Mapping[str, str]:
        rows = self._in_batches(hashes, tenant_id, ASSETS.c.blake3.in_)
        return {row.blake3: row.object_key async for row in rows}

    @override
    async def count(self, tenant_id: str) -> int:
        query = select(func.count()).select_from(ASSETS).where(ASSETS.c.tenant_id == tenant_id)
        async with self._database.reading() as connection:
            return int((await connection.execute(query)).scalar_one())

    @override
    async def touch(self, tenant_id: str, ids: Sequence[int]) -> None:
        now = self._clock.now()
        stale = or_(ASSETS.c.touched_at.is_(None), ASSETS.c.touched_at < now - _TOUCH_EVERY)
        rows = self._in_batches(ids, tenant_id, lambda some: and_(ASSETS.c.id.in_(some), stale))
        untouched = [row.id async for row in rows]
        for start in range(0, len(untouched), _BATCH):
            some = untouched[start : start + _BATCH]
            mine = (ASSETS.c.tenant_id == tenant_id, ASSETS.c.id.in_(some))
            async with self._database.transaction() as connection:
                await connection.execute(update(ASSETS).where(*mine).values(touched_at=now))

    async def _in_batches(
        self,
        wanted: Sequence[Any],
        tenant_id: str,
        condition: Any,  # noqa: ANN401  # of a column
    ) -> AsyncIterator[Row[Any]]:
        async with self._database.reading() as connection:
            for start in range(0, len(wanted), _BATCH):
                query = select(ASSETS).where(
                    ASSETS.c.tenant_id == tenant_id, condition(wanted[start : start + _BATCH])
                )
                for row in (await connection.execute(query)).all():
                    yield row

    @override
    async def by_path(self, tenant_id: str, path: str) -> Asset | None:
        query = (
            select(ASSETS)
            .join(UPLOADS, UPLOADS.c.asset_id == ASSETS.c.id)
            .where(
                ASSETS.c.tenant_id == tenant_id,
                UPLOADS.c.tenant_id == tenant_id,
                UPLOADS.c.path == path,
            )
            .order_by(UPLOADS.c.id.desc())
            .limit(1)
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else asset_of(row)

    async def _one(self, tenant_id: str, condition: ColumnElement[bool]) -> Asset | None:
        async with self._database.reading() as connection:
            query = select(ASSETS).where(ASSETS.c.tenant_id == tenant_id, condition)
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else asset_of(row)

    @override
    async def add(self, principal: Principal, digests: Digests, path: str, key: str) -> Asset:
        now = self._clock.now()
        row = insert(ASSETS).values(
            tenant_id=principal.tenant_id,
            owner_id=principal.user_id,
            name=path.replace("\\", "/").rpartition("/")[2][:_LONGEST_NAME],
            path=path,
            blake3=digests.blake3,
            md5=digests.md5,
            xxh64=digests.xxh64,
            size=digests.size,
            object_key=key,
            created_at=now,
            touched_at=now,
        )
        try:
            async with self._database.transaction() as connection:
                added = await connection.execute(row)
                asset_id = int(added.lastrowid)
                await record(connection, principal, "asset.create", str(asset_id), now)
        except IntegrityError:  # the same content has just come from elsewhere
            known = await self.by_blake3(principal.tenant_id, digests.blake3)
            if known is None:
                raise
            return known
        return Asset(
            id=asset_id,
            blake3=digests.blake3,
            md5=digests.md5,
            xxh64=digests.xxh64,
            size=digests.size,
            path=path,
            object_key=key,
        )

    @override
    async def move(self, tenant_id: str, asset: Asset, key: str) -> bool:
        mine = (
            ASSETS.c.id == asset.id,
            ASSETS.c.tenant_id == tenant_id,
            ASSETS.c.object_key == asset.object_key,
        )
        values = {"object_key": key, "touched_at": self._clock.now()}
        async with self._database.transaction() as connection:
            moved = await connection.execute(update(ASSETS).where(*mine).values(values))
        return bool(moved.rowcount)

    @override
    async def uploaded(
        self, principal: Principal, asset_id: int, path: str, *, stored: bool
    ) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(
                insert(UPLOADS).values(
                    tenant_id=principal.tenant_id,
                    owner_id=principal.user_id,
                    asset_id=asset_id,
                    path=path,
                    uploaded=stored,
                    created_at=self._clock.now(),
                )
            )

    @override
    async def remove(self, principal: Principal, asset_id: int) -> str | None:
        mine = (ASSETS.c.id == asset_id, ASSETS.c.tenant_id == principal.tenant_id)
        async with self._database.transaction() as connection:
            key = (await connection.execute(select(ASSETS.c.object_key).where(*mine))).scalar()
            if key is None:
                return None
            await self._require_free(connection, principal.tenant_id, asset_id)
            await connection.execute(delete(ASSETS).where(*mine))
            await record(connection, principal, "asset.delete", str(asset_id), self._clock.now())
        return str(key)

    async def _require_free(
        self, connection: AsyncConnection, tenant_id: str, asset_id: int
    ) -> None:
        user = await referrer(connection, self._database.dialect, tenant_id, asset_id)
        if user is not None:
            detail = f"{user} needs this file; it can be deleted when that is over or gone"
            raise ProblemError(409, "file-in-use", detail)


def asset_of(row: Row[Any]) -> Asset:
    """Return the asset of a row of `assets`."""
    return Asset(
        id=row.id,
        blake3=row.blake3,
        md5=row.md5,
        xxh64=row.xxh64,
        size=row.size,
        path=row.path,
        object_key=row.object_key,
    )

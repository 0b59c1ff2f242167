"""The files of a tenant."""

from typing import Any

from sqlalchemy import Row, select

from lightmill.api.core import cursor
from lightmill.api.core.moment import rfc3339
from lightmill.api.queries.page import Cut, Page, page
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import ASSETS, BUNDLES, TOKENS, UPLOADS, USERS


class FileQueries:
    """Reads what a tenant has uploaded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listed(self, tenant_id: str, cut: Cut) -> Page:
        """Return the tenant's files, the newest first."""
        query = select(ASSETS).where(ASSETS.c.tenant_id == tenant_id).order_by(ASSETS.c.id.desc())
        if cut.after is not None:
            query = query.where(ASSETS.c.id < cursor.decode(cut.after, int)[0])
        async with self._database.reading() as connection:
            return await page(connection, query, cut.limit, _file, _mark)

    async def find(self, tenant_id: str, asset_id: int) -> dict[str, object] | None:
        """Return one file of the tenant, or None."""
        query = select(ASSETS).where(ASSETS.c.tenant_id == tenant_id, ASSETS.c.id == asset_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _file(row)

    async def object_key(self, tenant_id: str, asset_id: int) -> str | None:
        """Return the object name of a file of the tenant, or None."""
        query = select(ASSETS.c.object_key).where(
            ASSETS.c.tenant_id == tenant_id, ASSETS.c.id == asset_id
        )
        async with self._database.reading() as connection:
            key: str | None = (await connection.execute(query)).scalar()
        return key

    async def uploads(self, tenant_id: str, cut: Cut) -> Page:
        """Return the tenant's upload history, the newest first."""
        query = (
            select(UPLOADS).where(UPLOADS.c.tenant_id == tenant_id).order_by(UPLOADS.c.id.desc())
        )
        if cut.after is not None:
            query = query.where(UPLOADS.c.id < cursor.decode(cut.after, int)[0])
        async with self._database.reading() as connection:
            return await page(connection, query, cut.limit, _upload, _mark)

    async def bundle(self, tenant_id: str, bundle_id: str) -> dict[str, object] | None:
        """Return one bundle of the tenant, or None."""
        query = select(BUNDLES).where(BUNDLES.c.tenant_id == tenant_id, BUNDLES.c.id == bundle_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _bundle(row)

    async def tokens(self, tenant_id: str, cut: Cut) -> Page:
        """Return the tenant's tokens, without their secrets, the newest first."""
        query = (
            select(TOKENS, USERS.c.name.label("user"))
            .outerjoin(USERS, USERS.c.id == TOKENS.c.user_id)
            .where(TOKENS.c.tenant_id == tenant_id)
            .order_by(TOKENS.c.id.desc())
        )
        if cut.after is not None:
            query = query.where(TOKENS.c.id < cursor.decode(cut.after, str)[0])
        async with self._database.reading() as connection:
            return await page(connection, query, cut.limit, _token, _mark)


def _mark(row: Row[Any]) -> str:
    return cursor.encode(row.id)


def _file(row: Row[Any]) -> dict[str, object]:
    return {
        "asset_id": row.id,
        "name": row.name,
        "path": row.path,
        "blake3": row.blake3,
        "hash": row.md5,
        "xxhash": row.xxh64,
        "size": row.size,
        "owner_id": row.owner_id,
        "created_at": rfc3339(row.created_at),
    }


def _upload(row: Row[Any]) -> dict[str, object]:
    return {
        "id": row.id,
        "asset_id": row.asset_id,
        "path": row.path,
        "uploaded": row.uploaded,
        "owner_id": row.owner_id,
        "created_at": rfc3339(row.created_at),
    }


def _bundle(row: Row[Any]) -> dict[str, object]:
    return {
        "bundle_id": row.id,
        "files": row.manifest,
        "file_count": row.file_count,
        "size": row.size,
        "owner_id": row.owner_id,
        "created_at": rfc3339(row.created_at),
    }


def _token(row: Row[Any]) -> dict[str, object]:
    return {
        "token_id": row.id,
        "user": row.user,
        "role": row.role,
        "node_id": row.node_id,
        "created_at": rfc3339(row.created_at),
        "expires_at": rfc3339(row.expires_at),
        "revoked_at": rfc3339(row.revoked_at),
    }

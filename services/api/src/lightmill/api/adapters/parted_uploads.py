"""Uploads in parts, in SQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from typing_extensions import override

from lightmill.api.ports.files import PartedUpload, PartedUploads
from lightmill.domain.principal import Principal
from lightmill.runtime.clock import Clock
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import MULTIPART_UPLOADS

_UPLOADS = MULTIPART_UPLOADS.c


class SqlPartedUploads(PartedUploads):
    """The table `multipart_uploads`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @override
    async def find(self, tenant_id: str, upload_id: str) -> PartedUpload | None:
        return await self._one(_UPLOADS.tenant_id == tenant_id, _UPLOADS.id == upload_id)

    @override
    async def of_content(self, tenant_id: str, blake3: str) -> PartedUpload | None:
        return await self._one(_UPLOADS.tenant_id == tenant_id, _UPLOADS.blake3 == blake3)

    async def _one(self, *conditions: ColumnElement[bool]) -> PartedUpload | None:
        async with self._database.reading() as connection:
            query = select(MULTIPART_UPLOADS).where(*conditions)
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _upload(row)

    @override
    async def add(self, principal: Principal, upload: PartedUpload) -> bool:
        now = self._clock.now()
        values = asdict(upload) | {"owner_id": principal.user_id}
        row = insert(MULTIPART_UPLOADS).values(**values, created_at=now, touched_at=now)
        try:
            async with self._database.transaction() as connection:
                await connection.execute(row)
        except IntegrityError:  # somebody else has just begun to send the same content
            return False
        return True

    @override
    async def touch(self, upload: PartedUpload) -> None:
        await self._change(upload, touched_at=self._clock.now())

    @override
    async def settle(self, upload: PartedUpload, asset_id: int) -> None:
        await self._change(upload, asset_id=asset_id, touched_at=self._clock.now())

    async def _change(self, upload: PartedUpload, **values: object) -> None:
        mine = (_UPLOADS.id == upload.id, _UPLOADS.tenant_id == upload.tenant_id)
        async with self._database.transaction() as connection:
            await connection.execute(update(MULTIPART_UPLOADS).where(*mine).values(values))

    @override
    async def remove(self, tenant_id: str, upload_id: str) -> bool:
        mine = (_UPLOADS.id == upload_id, _UPLOADS.tenant_id == tenant_id)
        async with self._database.transaction() as connection:
            return bool(
                (await connection.execute(delete(MULTIPART_UPLOADS).where(*mine))).rowcount
            )

    @override
    async def idle_since(self, tenant_id: str, moment: datetime) -> Sequence[PartedUpload]:
        query = select(MULTIPART_UPLOADS).where(
            _UPLOADS.tenant_id == tenant_id, _UPLOADS.touched_at < moment
        )
        async with self._database.reading() as connection:
            return [_upload(row) for row in (await connection.execute(query)).all()]

    @override
    async def remove_idle(self, upload: PartedUpload, moment: datetime) -> bool:
        idle = (_UPLOADS.id == upload.id, _UPLOADS.touched_at < moment)
        async with self._database.transaction() as connection:
            return bool(
                (await connection.execute(delete(MULTIPART_UPLOADS).where(*idle))).rowcount
            )


def _upload(row: Row[Any]) -> PartedUpload:
    return PartedUpload(
        id=row.id,
        tenant_id=row.tenant_id,
        blake3=row.blake3,
        size=row.size,
        part_size=row.part_size,
        path=row.path,
        object_key=row.object_key,
        store_id=row.store_id,
        asset_id=row.asset_id,
    )

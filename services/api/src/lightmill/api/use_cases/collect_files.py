"""Delete the files of a tenant that nothing needs any more."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from lightmill.api.core.retention import STRAY_AGE, UPLOAD_AGE, Collected, Kind
from lightmill.api.ports.files import PartedUpload, PartedUploads
from lightmill.api.ports.retention import UnneededAssets
from lightmill.storage.ports import ListedObject, ObjectNotFoundError, ObjectStore

_BATCH = 500


class CollectFiles:
    """Uploads that nobody goes on with, files that nothing needs, objects that no row names.

    A row goes before its object, and no object's name is ever used again: whoever sends the same
    content meanwhile gets an object of its own.
    """

    def __init__(self, uploads: PartedUploads, assets: UnneededAssets, store: ObjectStore) -> None:
        self._uploads = uploads
        self._assets = assets
        self._store = store

    async def __call__(
        self, tenant_id: str, now: datetime, orphans: timedelta | None, report: Collected
    ) -> None:
        """Delete what is due, or only count it, into `report`."""
        await self._idle_uploads(tenant_id, now - UPLOAD_AGE, report)
        if orphans is not None:
            await self._orphans(tenant_id, now - orphans, report)
        await self._strays(tenant_id, now - STRAY_AGE, report)

    async def _idle_uploads(self, tenant_id: str, before: datetime, report: Collected) -> None:
        for upload in await self._uploads.idle_since(tenant_id, before):
            if upload.asset_id is None:
                sizes = await self._parts(upload)
                report.add(Kind.UPLOADS, len(sizes), sum(sizes))
            if report.dry_run or not await self._uploads.remove_idle(upload, before):
                continue
            if upload.asset_id is None:
                await self._store.drop_parts(upload.object_key, upload.store_id)

    async def _parts(self, upload: PartedUpload) -> list[int]:
        try:
            parts = await self._store.parts(upload.object_key, upload.store_id)
        except ObjectNotFoundError:
            return []
        return [part.size for part in parts]

    async def _orphans(self, tenant_id: str, before: datetime, report: Collected) -> None:
        held = await self._assets.held(tenant_id, before)
        after = 0
        while old := await self._assets.untouched(tenant_id, before, after, _BATCH):
            after = old[-1].id
            free = [asset for asset in old if asset.id not in held]
            if free and not report.dry_run:
                # Asked for since the manifests were read: it stays.
                free = list(await self._assets.drop(tenant_id, free, before))
                await self._store.delete([asset.object_key for asset in free])
            report.add(Kind.ORPHANS, len(free), sum(asset.size for asset in free))

    async def _strays(self, tenant_id: str, before: datetime, report: Collected) -> None:
        batch: list[ListedObject] = []
        async for found in self._store.listed(f"tenants/{tenant_id}/assets/"):
            if found.modified < before:
                batch.append(found)
            if len(batch) == _BATCH:
                await self._some_strays(tenant_id, batch, report)
                batch = []
        await self._some_strays(tenant_id, batch, report)

    async def _some_strays(
        self, tenant_id: str, batch: Sequence[ListedObject], report: Collected
    ) -> None:
        known = await self._assets.known_keys(tenant_id, [found.key for found in batch])
        strays = [found for found in batch if found.key not in known]
        if strays and not report.dry_run:
            await self._store.delete([found.key for found in strays])
        report.add(Kind.STRAYS, len(strays), sum(found.size for found in strays))

"""Keep a content of a tenant, once."""

import tempfile
from pathlib import Path

from lightmill.api.core.asset_name import asset_key
from lightmill.api.core.digest import Digests, digests_of
from lightmill.api.ports import Asset, Assets
from lightmill.domain.principal import Principal
from lightmill.storage.ports import ObjectStore


class StoreContent:
    """Stores content under a name that gives nothing away, unless it is there already."""

    def __init__(self, assets: Assets, store: ObjectStore) -> None:
        self._assets = assets
        self._store = store

    async def __call__(
        self, principal: Principal, content: bytes, path: str, media_type: str
    ) -> Asset:
        """Return the asset of `content`."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            asset, _ = await self.file(
                principal, Path(file.name), digests_of(content), path, media_type
            )
        return asset

    async def file(
        self, principal: Principal, file: Path, digests: Digests, path: str, media_type: str
    ) -> tuple[Asset, bool]:
        """Return the asset of a file, and whether its content was new.

        The object is looked for, not believed in: one that the store has lost is stored again.

        Args:
            principal: Whose content it becomes.
            file: Where the content lies.
            digests: Its hashes.
            path: What the client calls it.
            media_type: For the object store.
        """
        tenant_id = principal.tenant_id
        known = await self._assets.by_blake3(tenant_id, digests.blake3)
        key = (
            asset_key(tenant_id, await self._assets.content_key(tenant_id), digests.blake3)
            if known is None
            else known.object_key
        )
        stored = await self._store.info(key)
        complete = stored is not None and stored.size == digests.size
        if not complete:
            await self._store.put_file(key, file, media_type)
        asset_id = known.id if known else await self._assets.add(principal, digests, path, key)
        asset = Asset(
            id=asset_id,
            blake3=digests.blake3,
            md5=digests.md5,
            xxh64=digests.xxh64,
            size=digests.size,
            path=path,
            object_key=key,
        )
        return asset, known is None or not complete

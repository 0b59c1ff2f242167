"""Keep a content of a tenant, once."""

import tempfile
from dataclasses import replace
from pathlib import Path

from lightmill.api.core.asset_name import asset_key
from lightmill.api.core.digest import Digests, digests_of
from lightmill.api.ports.files import Asset, Assets
from lightmill.api.use_cases.find_presence import FindPresence
from lightmill.domain.principal import Principal
from lightmill.runtime.ids import new_id
from lightmill.storage.ports import ObjectStore


class StoreContent:
    """Stores content under a name that gives nothing away, unless it is there already."""

    def __init__(self, assets: Assets, store: ObjectStore, presence: FindPresence) -> None:
        self._assets = assets
        self._store = store
        self._presence = presence

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
        known = await self.present(principal.tenant_id, digests.blake3)
        if known is not None:
            return known, False
        key = await self.new_key(principal.tenant_id, digests.blake3)
        await self._store.put_file(key, file, media_type)
        return await self.adopt(principal, digests, path, key)

    async def present(self, tenant_id: str, blake3: str) -> Asset | None:
        """Return the tenant's asset of this content if the store has it, else None."""
        known = await self._assets.by_blake3(tenant_id, blake3)
        if known is None or known.id not in await self._presence(tenant_id, [known]):
            return None
        # Asked anew: it may have been removed before it was touched.
        return await self._assets.by_blake3(tenant_id, blake3)

    async def new_key(self, tenant_id: str, blake3: str) -> str:
        """Return a name for the content that no object has ever had."""
        return asset_key(tenant_id, await self._assets.content_key(tenant_id), blake3, new_id())

    async def adopt(
        self, principal: Principal, digests: Digests, path: str, key: str
    ) -> tuple[Asset, bool]:
        """Return the asset whose content lies under `key`, and whether it needed it.

        When the tenant has the content elsewhere, the object under `key` is deleted.
        """
        while True:
            asset = await self._assets.add(principal, digests, path, key)
            if asset.object_key == key:
                return asset, True
            if asset.id in await self._presence(principal.tenant_id, [asset]):
                await self._store.delete([key])
                return asset, False
            if await self._assets.move(principal.tenant_id, asset, key):
                return replace(asset, object_key=key), True

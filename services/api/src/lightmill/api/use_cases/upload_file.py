"""Take a file in; say which are there."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from lightmill.api.core.digest import Digests
from lightmill.api.core.problem import invalid, missing
from lightmill.api.ports import Asset, Assets
from lightmill.api.use_cases.store_content import StoreContent
from lightmill.domain.principal import Principal
from lightmill.storage.ports import ObjectStore

_AT_ONCE = 16


class UploadFile:
    """Takes uploads in, with their history."""

    def __init__(self, assets: Assets, store: StoreContent) -> None:
        self._assets = assets
        self._store = store

    async def __call__(
        self, principal: Principal, file: Path, digests: Digests, path: str, expected: str | None
    ) -> dict[str, object]:
        """Return seed 004's answer to an upload.

        Args:
            principal: Whose file it becomes.
            file: Where the content lies.
            digests: Its hashes.
            path: What the client calls it.
            expected: A hash of it that the client knows, of any of the three kinds.

        Raises:
            ProblemError: the content is not what the client says; nothing was kept.
        """
        if expected and expected.lower() not in {digests.md5, digests.xxh64, digests.blake3}:
            raise invalid("hash", f"the content that arrived has MD5 {digests.md5}; send it again")
        asset, new = await self._store.file(
            principal, file, digests, path, "application/octet-stream"
        )
        await self._assets.uploaded(principal, asset.id, path, stored=new)
        hashes = {"hash": asset.md5, "xxhash": asset.xxh64, "blake3": asset.blake3}
        if new:
            return {"uploaded": True, **hashes, "asset_id": asset.id, "size": asset.size}
        return {
            "uploaded": False,
            "reason": "file_exists",
            **hashes,
            "asset_id": asset.id,
            "size": asset.size,
        }


class CheckHashes:
    """Tells which contents a tenant need not send again."""

    def __init__(self, assets: Assets, store: ObjectStore) -> None:
        self._assets = assets
        self._store = store

    async def __call__(self, principal: Principal, hashes: Sequence[str]) -> dict[str, object]:
        """Return seed 004's answer, in the order asked, with the ids of what is there."""
        wanted = list(dict.fromkeys(hashes))
        found = await self._assets.by_hashes(
            principal.tenant_id, [name.lower() for name in wanted]
        )
        gate = asyncio.Semaphore(_AT_ONCE)

        async def is_there(asset: Asset) -> bool:
            async with gate:
                info = await self._store.info(asset.object_key)
            return info is not None and info.size == asset.size

        assets = {asset.id: asset for asset in found.values()}
        outcomes = await asyncio.gather(*map(is_there, assets.values()))
        there = dict(zip(assets, outcomes, strict=True))
        exists = {
            name: found[name.lower()].id
            for name in wanted
            if name.lower() in found and there[found[name.lower()].id]
        }
        return {
            "to_upload": [name for name in wanted if name not in exists],
            "exists": list(exists),
            "assets": exists,
        }


class DeleteFile:
    """Deletes files that nothing needs."""

    def __init__(self, assets: Assets, store: ObjectStore) -> None:
        self._assets = assets
        self._store = store

    async def __call__(self, principal: Principal, asset_id: int) -> None:
        """Delete a file.

        Raises:
            ProblemError: there is none, or a live job or a design needs it.
        """
        key = await self._assets.remove(principal, asset_id)
        if key is None:
            raise missing("file")
        await self._store.delete([key])

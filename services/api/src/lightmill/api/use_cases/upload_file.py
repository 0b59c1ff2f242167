"""Take a file in; say which are there."""

from collections.abc import Sequence
from pathlib import Path

from lightmill.api.core.digest import Digests
from lightmill.api.core.problem import invalid, missing
from lightmill.api.ports.files import Asset, Assets
from lightmill.api.use_cases.find_presence import FindPresence
from lightmill.api.use_cases.store_content import StoreContent
from lightmill.domain.principal import Principal
from lightmill.storage.ports import ObjectStore


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
        return upload_answer(asset, new=new)


def upload_answer(asset: Asset, *, new: bool) -> dict[str, object]:
    """Return seed 004's answer to an upload of what is now `asset`."""
    return {
        "uploaded": new,
        **({} if new else {"reason": "file_exists"}),
        "hash": asset.md5,
        "xxhash": asset.xxh64,
        "blake3": asset.blake3,
        "asset_id": asset.id,
        "size": asset.size,
    }


class CheckHashes:
    """Tells which contents a tenant need not send again."""

    def __init__(self, assets: Assets, presence: FindPresence) -> None:
        self._assets = assets
        self._presence = presence

    async def __call__(self, principal: Principal, hashes: Sequence[str]) -> dict[str, object]:
        """Return seed 004's answer, in the order asked, with the ids of what is there."""
        wanted = list(dict.fromkeys(hashes))
        names = [name.lower() for name in wanted]
        found = await self._assets.by_hashes(principal.tenant_id, names)
        there = await self._presence(principal.tenant_id, found.values())
        exists = {
            name: found[name.lower()].id
            for name in wanted
            if name.lower() in found and found[name.lower()].id in there
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

"""Read a file back and say whether it is still what it was."""

from lightmill.api.core.problem import missing
from lightmill.api.ports.files import Assets
from lightmill.api.use_cases.complete_upload import read_back
from lightmill.domain.principal import Principal
from lightmill.storage.ports import ObjectNotFoundError, ObjectStore


class VerifyFile:
    """Finds what the object store has lost or damaged.

    A damaged object is deleted: what is not there is asked for again by the next upload.
    """

    def __init__(self, assets: Assets, store: ObjectStore) -> None:
        self._assets = assets
        self._store = store

    async def __call__(self, principal: Principal, asset_id: int) -> dict[str, object]:
        """Return whether the file is intact.

        Raises:
            ProblemError: there is no such file.
        """
        asset = (await self._assets.by_ids(principal.tenant_id, [asset_id])).get(asset_id)
        if asset is None:
            raise missing("file")
        try:
            found = await read_back(self._store, asset.object_key)
        except ObjectNotFoundError:
            return {"asset_id": asset_id, "intact": False, "fault": "lost"}
        if found.blake3 == asset.blake3:
            return {"asset_id": asset_id, "intact": True, "fault": None}
        await self._store.delete([asset.object_key])
        return {"asset_id": asset_id, "intact": False, "fault": "damaged"}

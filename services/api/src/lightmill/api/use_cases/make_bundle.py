"""Put uploaded files together under paths."""

from collections.abc import Mapping, Sequence

from lightmill.api.core.bodies import FileBody
from lightmill.api.core.manifest import Entry, require_paths
from lightmill.api.core.problem import FieldError, ProblemError
from lightmill.api.ports import Bundles
from lightmill.api.ports.files import Asset, Assets
from lightmill.api.use_cases.find_presence import FindPresence
from lightmill.domain.principal import Principal

_MOST_NAMED = 100


class MakeBundle:
    """Makes bundles out of assets of the tenant."""

    def __init__(self, assets: Assets, bundles: Bundles, presence: FindPresence) -> None:
        self._assets = assets
        self._bundles = bundles
        self._presence = presence

    async def __call__(self, principal: Principal, files: Sequence[FileBody]) -> str:
        """Return the id of a bundle with these files.

        Raises:
            ProblemError: a path cannot be written everywhere, or an asset is not there.
        """
        return await self._bundles.add(principal, await self.entries(principal, files))

    async def entries(self, principal: Principal, files: Sequence[FileBody]) -> list[Entry]:
        """Return the manifest of these files, checked; raises as the call itself does."""
        require_paths(file.path for file in files)
        ids = sorted({file.asset_id for file in files})
        assets = await self._there(principal.tenant_id, ids)
        absent = [
            FieldError(f"#/files/{index}/asset_id", f"there is no file {file.asset_id}")
            for index, file in enumerate(files)
            if file.asset_id not in assets
        ]
        if absent:
            raise _absent(absent)
        return [
            Entry(
                path=file.path,
                asset_id=file.asset_id,
                blake3=assets[file.asset_id].blake3,
                size=assets[file.asset_id].size,
            )
            for file in files
        ]

    async def require(self, principal: Principal, bundle_id: str) -> list[Entry]:
        """Return the manifest of a bundle all of whose files are still there.

        Raises:
            ProblemError: there is no such bundle, or files of it were deleted.
        """
        entries = await self._bundles.manifest(principal.tenant_id, bundle_id)
        if entries is None:
            fault = FieldError("#/bundle_id", "there is no such bundle")
            raise ProblemError(
                422, "invalid-request", f"bundle_id: {fault.detail}", errors=[fault]
            )
        ids = sorted({entry.asset_id for entry in entries})
        assets = await self._there(principal.tenant_id, ids)
        absent = [
            FieldError("#/bundle_id", f"{entry.path} is no longer there; upload it again")
            for entry in entries
            if entry.asset_id not in assets
        ]
        if absent:
            raise _absent(absent)
        return entries

    async def _there(self, tenant_id: str, ids: Sequence[int]) -> Mapping[int, Asset]:
        """Return those of the assets that the store has; none of them is collected soon."""
        assets = await self._assets.by_ids(tenant_id, ids)
        there = await self._presence(tenant_id, assets.values())
        # Asked anew: what was removed before it was touched is not there.
        held = await self._assets.by_ids(tenant_id, sorted(there))
        return {asset_id: held[asset_id] for asset_id in there if asset_id in held}


def _absent(absent: Sequence[FieldError]) -> ProblemError:
    detail = f"{len(absent)} files are not there: upload them first"
    return ProblemError(422, "files-missing", detail, errors=absent[:_MOST_NAMED])

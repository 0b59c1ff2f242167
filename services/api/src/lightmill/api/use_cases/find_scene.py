"""Which file does a client mean by a scene?"""

from collections.abc import Sequence
from pathlib import PurePosixPath

from lightmill.api.core.manifest import Entry
from lightmill.api.core.problem import invalid
from lightmill.api.ports import Bundles
from lightmill.api.ports.files import Asset, Assets
from lightmill.api.use_cases.make_bundle import MakeBundle
from lightmill.domain.bundle_paths import path_fault
from lightmill.domain.principal import Principal

_SCHEMES = ("s3://", "oss://")


class FindScene:
    """Finds scenes by asset id, uploaded path, object key or path in a bundle."""

    def __init__(self, assets: Assets, bundles: Bundles, make_bundle: MakeBundle) -> None:
        self._assets = assets
        self._bundles = bundles
        self._make_bundle = make_bundle

    async def __call__(
        self, principal: Principal, scene_file: str | int, bundle: str | None
    ) -> tuple[str, list[Entry]]:
        """Return the path of the scene, and the files that belong to it.

        Raises:
            ProblemError: there is no such scene.
        """
        if bundle is not None:
            entries = await self._make_bundle.require(principal, bundle)
            path = str(scene_file)
            if path not in {entry.path for entry in entries}:
                raise invalid("scene_file", f"{path!r} is not a path of the bundle")
            return path, entries
        asset = await self._asset(principal.tenant_id, scene_file)
        if asset is None:
            raise invalid(
                "scene_file",
                "is not there: give an asset id, a path that was uploaded, or an s3:// or oss:// "
                "key of yours (paths under a share are not configured on this farm)",
            )
        path = _name(asset)
        entry = Entry(path=path, asset_id=asset.id, blake3=asset.blake3, size=asset.size)
        return path, [entry]

    async def bundle(self, principal: Principal, entries: Sequence[Entry]) -> str:
        """Return a new bundle of `entries`."""
        return await self._bundles.add(principal, entries)

    async def _asset(self, tenant_id: str, scene_file: str | int) -> Asset | None:
        text = str(scene_file)
        if text.isascii() and text.isdigit() and len(text) < 19:  # noqa: PLR2004  # fits 64 bits
            return (await self._assets.by_ids(tenant_id, [int(text)])).get(int(text))
        for scheme in _SCHEMES:
            if text.startswith(scheme):
                key = text.removeprefix(scheme)
                return await self._assets.by_object_key(
                    tenant_id, key
                ) or await self._assets.by_object_key(tenant_id, key.partition("/")[2])
        return await self._assets.by_path(tenant_id, text)


def _name(asset: Asset) -> str:
    name = PurePosixPath(asset.path.replace("\\", "/")).name
    return name if path_fault(name) is None else f"scene{PurePosixPath(name).suffix[:16]}"

"""Make a bundle of an archive that was uploaded."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightmill.api.core.bodies import ArchiveBody, FileBody, SceneBody
from lightmill.api.core.digest import Digester
from lightmill.api.core.problem import ProblemError, invalid
from lightmill.api.ports import Analysis
from lightmill.api.use_cases.analyse_scene import PENDING, AnalyseScene
from lightmill.api.use_cases.make_bundle import MakeBundle
from lightmill.api.use_cases.store_content import StoreContent
from lightmill.domain.principal import Principal
from lightmill.domain.scene_formats import ARCHIVES
from lightmill.storage.ports import ObjectNotFoundError, ObjectStore

_MEDIA_TYPE = "application/octet-stream"


class UnpackArchive:
    """Has archives unpacked by the analyzer, and takes in what came out as files of the tenant."""

    def __init__(
        self,
        analyse: AnalyseScene,
        content: StoreContent,
        bundles: MakeBundle,
        store: ObjectStore,
        folder: Path | None,
    ) -> None:
        self._analyse = analyse
        self._content = content
        self._bundles = bundles
        self._store = store
        self._folder = folder

    async def __call__(self, principal: Principal, body: ArchiveBody) -> str | Analysis:
        """Return the id of the bundle; or how the unpacking stands when it is not done in time.

        Asked again it goes on: what has been taken in already is not taken in twice.

        Raises:
            ProblemError: the archive is refused, or is none.
        """
        found = await self._analyse(principal, SceneBody(scene_file=body.archive))
        if found.state == PENDING:
            return found
        if found.error is not None:
            raise ProblemError(422, "archive-refused", f"archive: {found.error}")
        files = (found.outcome or {}).get("files")
        if not isinstance(files, list):
            known = ", ".join(sorted(ARCHIVES))
            raise invalid("archive", f"is no archive that can be unpacked: {known}")
        taken = [await self._taken_in(principal, file) for file in files]
        bundle_id = await self._bundles(principal, taken)
        await self._store.delete([str(file["object_key"]) for file in files])
        return bundle_id

    async def _taken_in(self, principal: Principal, file: Mapping[str, Any]) -> FileBody:
        path, blake3 = str(file["path"]), str(file["blake3"])
        asset = await self._content.present(principal.tenant_id, blake3)
        if asset is None:
            with tempfile.TemporaryDirectory(dir=self._folder) as folder:
                local = Path(folder) / "file"
                await self._fetched(file, local)
                digester = Digester()
                with local.open("rb") as content:
                    while piece := content.read(2**20):
                        digester.update(piece)
                asset, _ = await self._content.file(
                    principal, local, digester.digests(), path, _MEDIA_TYPE
                )
        return FileBody(path=path, asset_id=asset.id)

    async def _fetched(self, file: Mapping[str, Any], target: Path) -> None:
        try:
            await self._store.get_file(str(file["object_key"]), target)
        except ObjectNotFoundError:
            raise ProblemError(
                422,
                "files-missing",
                f"archive: {file['path']} was deleted since; rename the archive, send it again",
            ) from None

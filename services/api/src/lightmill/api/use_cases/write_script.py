"""Write the script that renders a version of a design, and keep it with the job."""

from lightmill.api.core.camera import Camera
from lightmill.api.core.design_script import RenderSettings, design_script
from lightmill.api.core.manifest import Entry
from lightmill.api.ports import Bundles
from lightmill.api.ports.designs import Version
from lightmill.api.use_cases.assemble_version import SCRIPT
from lightmill.api.use_cases.store_content import StoreContent
from lightmill.domain.principal import Principal
from lightmill.storage.ports import ObjectNotFoundError, ObjectStore

_MEDIA_TYPE = "text/x-python"


class WriteScript:
    """Writes scripts."""

    def __init__(self, bundles: Bundles, content: StoreContent, store: ObjectStore) -> None:
        self._bundles = bundles
        self._content = content
        self._store = store

    async def __call__(
        self,
        principal: Principal,
        job_id: str,
        version: Version,
        camera: Camera | None,
        render: RenderSettings,
    ) -> str:
        """Return the id of a bundle of the version's files with the script.

        Args:
            principal: Who asks.
            job_id: With which the script is kept.
            version: What is rendered.
            camera: None: one that sees the whole model.
            render: How.
        """
        script = design_script(version.model, camera, render, version.materials).encode()
        stored = await self._content(principal, script, SCRIPT, _MEDIA_TYPE)
        entry = Entry(path=SCRIPT, asset_id=stored.id, blake3=stored.blake3, size=stored.size)
        # Beside the bundle, whose files go when nothing needs them any more.
        await self._store.put(_key(principal.tenant_id, job_id), script, _MEDIA_TYPE)
        return await self._bundles.add(principal, [*version.files, entry])

    async def drop(self, principal: Principal, job_id: str) -> None:
        """Delete the script of a job that was not kept."""
        await self._store.delete([_key(principal.tenant_id, job_id)])

    async def of(self, tenant_id: str, job_id: str) -> bytes | None:
        """Return the script of a job of the tenant; None: it has none."""
        try:
            return await self._store.get(_key(tenant_id, job_id))
        except ObjectNotFoundError:
            return None


def _key(tenant_id: str, job_id: str) -> str:
    return f"tenants/{tenant_id}/scripts/{job_id}.py"

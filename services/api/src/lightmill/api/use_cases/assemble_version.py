"""Put a model, its files and the tenant's materials together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lightmill.api.core.design_bodies import VersionBody
from lightmill.api.core.design_script import DesignError, require_model
from lightmill.api.core.job_request import SIMULATED
from lightmill.api.core.manifest import Entry, require_paths
from lightmill.api.core.problem import FieldError, ProblemError, invalid
from lightmill.api.ports.designs import Material, Materials, Version
from lightmill.api.use_cases.analyse_scene import AnalyseScene
from lightmill.api.use_cases.make_bundle import MakeBundle
from lightmill.api.use_cases.require_complete import RequireComplete
from lightmill.domain.principal import Principal
from lightmill.runtime.ids import new_id

SCRIPT = "render.py"
ANY_SLOT = "*"
_FOLDER = "lightmill-materials"
_MOST_TOLD = 20


class AssembleVersion:
    """Makes versions of designs out of assets and materials that the bearer may use."""

    def __init__(
        self,
        bundles: MakeBundle,
        materials: Materials,
        analyse: AnalyseScene,
        complete: RequireComplete,
        *,
        simulated: bool,
    ) -> None:
        self._bundles = bundles
        self._materials = materials
        self._analyse = analyse
        self._complete = complete
        self._simulated = simulated

    async def __call__(self, principal: Principal, body: VersionBody) -> Version:
        """Return a version that is not kept yet.

        Raises:
            ProblemError: the model cannot be rendered, or something it needs is not there.
        """
        files = await self._bundles.entries(principal, body.files)
        self._require_renderable(body, {entry.path for entry in files})
        chosen = await self._chosen(principal, body.materials)
        whole = [*files, *(entry for one in chosen.values() for entry in _placed(one))]
        require_paths(dict.fromkeys(entry.path for entry in whole))
        version = Version(
            id=new_id(),
            model=body.model,
            files=tuple({entry.path: entry for entry in whole}.values()),
            materials={slot: _document(one) for slot, one in chosen.items()},
            uses=tuple(one.id for one in chosen.values()),
            engine=body.engine,
        )
        if body.engine == SIMULATED:
            return version
        return replace(version, analysis_id=await self._looked_into(principal, body, files))

    def _require_renderable(self, body: VersionBody, paths: set[str]) -> None:
        if body.engine == SIMULATED and not self._simulated:
            raise invalid("engine", "the simulated engine is not enabled on this farm")
        try:
            require_model(body.model)
        except DesignError as error:
            raise invalid("model", error.message) from error
        if body.model not in paths:
            raise invalid("model", "is not among the paths of files")
        if SCRIPT in {path.casefold() for path in paths}:
            raise invalid("files", f"{SCRIPT} is the name of the generated script; rename yours")

    async def _chosen(
        self, principal: Principal, wanted: Mapping[str, str]
    ) -> Mapping[str, Material]:
        found = await self._materials.materials(principal, sorted(set(wanted.values())))
        absent = {slot: name for slot, name in wanted.items() if name not in found}
        for slot, name in absent.items():
            raise invalid(f"materials/{slot}", f"there is no material {name}")
        return {slot: found[name] for slot, name in wanted.items()}

    async def _looked_into(
        self, principal: Principal, body: VersionBody, files: Sequence[Entry]
    ) -> str:
        """Return the id of the analysis; one that is not done yet may still refuse the model."""
        analysis = await self._analyse.of(principal, body.model, files)
        if analysis.state == "FAILED":
            fault = FieldError("#/model", str(analysis.error))
            raise ProblemError(422, "model-refused", f"model: {analysis.error}", errors=[fault])
        if not body.allow_missing:
            await self._complete(principal, "model", body.model, files)
        info = (analysis.outcome or {}).get("scene_info")
        known = info.get("materials") if isinstance(info, Mapping) else None
        if isinstance(known, list):
            _require_slots(body.materials, list(map(str, known)))
        return analysis.id


def _require_slots(wanted: Mapping[str, str], known: Sequence[str]) -> None:
    for slot in wanted:
        if slot != ANY_SLOT and slot not in known:
            told = ", ".join(sorted(known)[:_MOST_TOLD]) or "none"
            detail = f"the model has no material of that name; it has: {told}"
            raise invalid(f"materials/{slot}", detail)


def _placed(material: Material) -> list[Entry]:
    """Return the textures of a material where a version has them."""
    return [replace(entry, path=f"{_folder(material)}/{entry.path}") for entry in material.files]


def _document(material: Material) -> dict[str, object]:
    shading = dict(material.shading)
    textures = shading.get("textures")
    if isinstance(textures, Mapping):
        shading["textures"] = {
            place: {**one, "path": f"{_folder(material)}/{one['path']}"}
            for place, one in textures.items()
        }
    return {"material_id": material.material_id, "name": material.name, "shading": shading}


def _folder(material: Material) -> str:
    return f"{_FOLDER}/{material.id}"

"""Keep a design to be rendered from any camera."""

from lightmill.api.core.bodies import DesignBody
from lightmill.api.core.design_script import DesignError, require_model
from lightmill.api.core.job_request import SIMULATED
from lightmill.api.core.problem import ProblemError, invalid
from lightmill.api.ports import Design, Designs
from lightmill.api.use_cases.make_bundle import MakeBundle
from lightmill.domain.principal import Principal
from lightmill.runtime.ids import new_id

SCRIPT = "render.py"


class MakeDesign:
    """Makes designs out of assets of the tenant."""

    def __init__(self, designs: Designs, bundles: MakeBundle, *, simulated: bool) -> None:
        self._designs = designs
        self._bundles = bundles
        self._simulated = simulated

    async def __call__(self, principal: Principal, body: DesignBody) -> str:
        """Return the id of the new design.

        Raises:
            ProblemError: the model cannot be rendered, a file is not there, or the tenant has a
                design of that id.
        """
        files = await self._bundles.entries(principal, body.files)
        self._require_renderable(body, {entry.path for entry in files})
        design = Design(
            id=new_id(),
            design_id=body.design_id or new_id(),
            name=body.name,
            model=body.model,
            files=tuple(files),
            engine=body.engine,
        )
        if not await self._designs.add(principal, design):
            detail = f"design_id: there is a design {design.design_id}; choose another id"
            raise ProblemError(409, "design-exists", detail)
        return design.design_id

    def _require_renderable(self, body: DesignBody, paths: set[str]) -> None:
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

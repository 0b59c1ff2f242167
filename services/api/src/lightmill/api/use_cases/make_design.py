"""Keep a design to be rendered from any camera, or a new version of one."""

from lightmill.api.core.design_bodies import DesignBody, VersionBody
from lightmill.api.core.job_request import SIMULATED
from lightmill.api.core.problem import ProblemError
from lightmill.api.ports.designs import Design, Designs
from lightmill.api.use_cases.assemble_version import AssembleVersion
from lightmill.api.use_cases.render_thumbnail import RenderThumbnail
from lightmill.domain.principal import Principal
from lightmill.runtime.ids import new_id


class MakeDesign:
    """Makes designs, and asks the farm for a picture of each version."""

    def __init__(
        self, designs: Designs, assemble: AssembleVersion, thumbnail: RenderThumbnail
    ) -> None:
        self._designs = designs
        self._assemble = assemble
        self._thumbnail = thumbnail

    async def __call__(self, principal: Principal, body: DesignBody) -> str:
        """Return the caller's id of the new design.

        Raises:
            ProblemError: the model is refused, a file is not there, or the tenant has a design of
                that id.
        """
        design = Design(
            id=new_id(),
            design_id=body.design_id or new_id(),
            name=body.name,
            version=await self._assemble(principal, body),
        )
        if not await self._designs.add(principal, design):
            detail = f"design_id: there is a design {design.design_id}; choose another id"
            raise ProblemError(409, "design-exists", detail)
        await self._show(principal, body, design.design_id, 1)
        return design.design_id

    async def version(self, principal: Principal, design_id: str, body: VersionBody) -> int:
        """Return the number of the new version of a design.

        Raises:
            ProblemError: as above, or the design is somebody else's.
        """
        await self._designs.require_owned(principal, design_id)
        version = await self._assemble(principal, body)
        number = await self._designs.add_version(principal, design_id, version)
        await self._show(principal, body, design_id, number)
        return number

    async def _show(
        self, principal: Principal, body: VersionBody, design_id: str, number: int
    ) -> None:
        if body.thumbnail and body.engine != SIMULATED:
            await self._thumbnail(principal, design_id, number)

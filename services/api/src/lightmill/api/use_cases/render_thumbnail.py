"""Have the farm render a small picture of a version of a design."""

from dataclasses import asdict

from lightmill.api.core.design_script import RenderSettings
from lightmill.api.core.job_request import SIMULATED, NewJob
from lightmill.api.core.problem import ProblemError, missing
from lightmill.api.ports import Jobs, Policies
from lightmill.api.ports.designs import Designs
from lightmill.api.use_cases.assemble_version import SCRIPT
from lightmill.api.use_cases.write_script import WriteScript
from lightmill.domain.frames import FrameSet
from lightmill.domain.job import DEFAULT_POOL, JobKind, JobSpec, StepSpec, Work
from lightmill.domain.principal import Principal
from lightmill.runtime.ids import new_id

_PICTURE = RenderSettings(width=256, height=256, samples=16, transparent=True)
_LABEL = "thumbnails"
_LOWEST = 0


class RenderThumbnail:
    """Submits jobs outside of the pool of designs, whose order of creation is promised."""

    def __init__(
        self, jobs: Jobs, designs: Designs, write: WriteScript, policies: Policies
    ) -> None:
        self._jobs = jobs
        self._designs = designs
        self._write = write
        self._policies = policies

    async def __call__(self, principal: Principal, design_id: str, number: int) -> str:
        """Return the id of the job whose first image is the picture from now on.

        Raises:
            ProblemError: there is no such version, or it is somebody else's, or never rendered.
        """
        await self._designs.require_owned(principal, design_id)
        design = await self._designs.find(principal, design_id, number)
        if design is None:
            raise missing("version")
        if design.version.engine == SIMULATED:
            detail = "the design's engine is simulated: there is nothing to be seen"
            raise ProblemError(409, "nothing-to-render", detail)
        job_id = new_id()
        bundle_id = await self._write(principal, job_id, design.version, None, _PICTURE)
        await self._jobs.add(principal, job_id, await self._job(design.name, bundle_id), None)
        await self._designs.show(principal, design.version.id, job_id)
        return job_id

    async def _job(self, name: str, bundle_id: str) -> NewJob:
        kept = ("width", "height", "samples", "format", "transparent")
        settings = {field: value for field, value in asdict(_PICTURE).items() if field in kept}
        work = Work(engine="blender", script=SCRIPT, settings=settings)
        step = StepSpec(name="frames", frames=FrameSet.parse("1"))
        fifo = await self._policies.is_fifo(DEFAULT_POOL)
        return NewJob(
            name=f"Thumbnail of {name}"[:255],
            kind=JobKind.DESIGN,
            spec=JobSpec(work=work, steps=(step,), fifo=fifo),
            user_label=_LABEL,
            priority=_LOWEST,
            bundle_id=bundle_id,
        )

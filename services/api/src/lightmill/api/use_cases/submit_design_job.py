"""Render a design from a camera."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from lightmill.api.core.bodies import DesignJobBody, PointBody
from lightmill.api.core.camera import Camera, CameraError, Point
from lightmill.api.core.design_script import DesignError, RenderSettings
from lightmill.api.core.job_request import SIMULATED, NewJob
from lightmill.api.core.problem import ProblemError, invalid, missing
from lightmill.api.ports import Analyses, Fingerprint, Jobs, Policies
from lightmill.api.ports.designs import Design, Designs
from lightmill.api.use_cases.assemble_version import SCRIPT
from lightmill.api.use_cases.write_script import WriteScript
from lightmill.domain.frames import FrameSet
from lightmill.domain.job import JobKind, JobSpec, Json, StepSpec, Work
from lightmill.domain.policy import DESIGNS
from lightmill.domain.principal import Principal
from lightmill.runtime.clock import Clock

_SECONDS = [2, 5]  # how long seed 001's worker pretends to render
_STILL = FrameSet.parse("1")


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignRules:
    """What the farm's settings say about design jobs.

    Attributes:
        simulated: Whether the engine that renders nothing may be asked for.
        same_for: How long the same body answers the first job; zero: never.
    """

    simulated: bool
    same_for: timedelta


class SubmitDesignJob:
    """Accepts designs: first come first served, unless the farm's keeper says otherwise."""

    def __init__(  # noqa: PLR0913  # its collaborators
        self,
        *,
        jobs: Jobs,
        designs: Designs,
        analyses: Analyses,
        write: WriteScript,
        clock: Clock,
        policies: Policies,
        rules: DesignRules,
    ) -> None:
        self._jobs = jobs
        self._designs = designs
        self._analyses = analyses
        self._write = write
        self._clock = clock
        self._policies = policies
        self._rules = rules

    async def __call__(
        self, principal: Principal, body: DesignJobBody, engine: str | None, job_id: str
    ) -> str:
        """Return the id of the job: a new one, or the first that came of the same body.

        Args:
            principal: Who asks.
            body: The design, the camera, the image.
            engine: `simulated` renders nothing; None means the design's own engine.
            job_id: For a new job.

        Raises:
            ProblemError: there is no such design, or the camera sees nothing.
        """
        camera, render = _camera(body), _render(body)
        design = await self._designs.find(principal, body.designId, body.version)
        if design is None:
            raise missing("design" if body.version is None else "version of a design")
        chosen = engine or design.version.engine
        if chosen == SIMULATED:
            job = self._simulated(body, design)
        else:
            await self._require_readable(principal, design)
            bundle_id = await self._write(principal, job_id, design.version, camera, render)
            work = Work(engine="blender", script=SCRIPT, settings=_image(body, design))
            job = _job(body, design, work, bundle_id)
        job = replace(job, spec=replace(job.spec, fifo=await self._policies.is_fifo(DESIGNS)))
        made = await self._jobs.add(
            principal, job_id, job, self._fingerprint(body, design, chosen)
        )
        if made != job_id and job.bundle_id is not None:
            await self._write.drop(principal, job_id)
        return made

    async def _require_readable(self, principal: Principal, design: Design) -> None:
        """Return unless the analyzer has refused the model since it was handed in."""
        if design.version.analysis_id is None:
            return
        found = await self._analyses.find(principal.tenant_id, design.version.analysis_id)
        if found is not None and found.state == "FAILED":
            detail = f"designId: its model cannot be rendered: {found.error}"
            raise ProblemError(422, "model-refused", detail)

    def _fingerprint(self, body: DesignJobBody, design: Design, engine: str) -> Fingerprint | None:
        if not self._rules.same_for:
            return None
        asked = [engine, design.version.id, body.model_dump(mode="json")]
        text = json.dumps(asked, sort_keys=True)
        return Fingerprint(
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            since=self._clock.now() - self._rules.same_for,
        )

    def _simulated(self, body: DesignJobBody, design: Design) -> NewJob:
        if not self._rules.simulated:
            raise invalid("engine", "the simulated engine is not enabled on this farm")
        settings: dict[str, Json] = {
            "seconds": list(_SECONDS),
            **_image(body, design),
            **body.settings,
        }
        return _job(body, design, Work(engine=SIMULATED, settings=settings), None)


def _job(body: DesignJobBody, design: Design, work: Work, bundle_id: str | None) -> NewJob:
    frames = FrameSet.parse(f"1-{body.turntable}") if body.turntable else _STILL
    return NewJob(
        name=design.name,
        kind=JobKind.DESIGN,
        spec=JobSpec(work=work, steps=(StepSpec(name="frames", frames=frames),), pool=DESIGNS),
        user_label=body.userId,
        pool=DESIGNS,
        bundle_id=bundle_id,
        design_id=design.id,
    )


def _image(body: DesignJobBody, design: Design) -> Mapping[str, Json]:
    return {
        "design": design.design_id,
        "version": design.version.number,
        "width": body.width,
        "height": body.height,
        "samples": body.samples,
        "format": body.format,
        "transparent": body.transparent,
    }


def _camera(body: DesignJobBody) -> Camera:
    asked = body.camera
    try:
        return Camera(
            position=_point(asked.position),
            target=_point(asked.target),
            up=_point(asked.up),
            fov=asked.fov,
        )
    except CameraError as error:
        raise invalid(f"camera/{error.field}", error.message) from error


def _point(body: PointBody) -> Point:
    return Point(body.x, body.y, body.z)


def _render(body: DesignJobBody) -> RenderSettings:
    try:
        return RenderSettings(
            width=body.width,
            height=body.height,
            samples=body.samples,
            format=body.format,
            transparent=body.transparent,
            colours=body.colours,
            ground=body.ground,
            lights=body.lights,
            frames=body.turntable or 1,
        )
    except DesignError as error:
        raise invalid(error.field, error.message) from error

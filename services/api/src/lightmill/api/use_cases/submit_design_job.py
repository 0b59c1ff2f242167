"""Render a design from a camera."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from lightmill.api.core.bodies import DesignJobBody, PointBody
from lightmill.api.core.camera import Camera, CameraError, Point
from lightmill.api.core.design_script import DesignError, RenderSettings, design_script
from lightmill.api.core.job_request import SIMULATED, NewJob
from lightmill.api.core.manifest import Entry
from lightmill.api.core.problem import invalid, missing
from lightmill.api.ports import Bundles, Design, Designs, Fingerprint, Jobs, Policies
from lightmill.api.use_cases.make_design import SCRIPT
from lightmill.api.use_cases.store_content import StoreContent
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
        bundles: Bundles,
        store: StoreContent,
        clock: Clock,
        policies: Policies,
        rules: DesignRules,
    ) -> None:
        self._jobs = jobs
        self._designs = designs
        self._bundles = bundles
        self._store = store
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
        design = await self._designs.find(principal.tenant_id, body.designId)
        if design is None:
            raise missing("design")
        chosen = engine or design.engine
        if chosen == SIMULATED:
            job = self._simulated(body, design)
        else:
            script = design_script(design.model, camera, render)
            job = await self._rendered(principal, body, design, script)
        job = replace(job, spec=replace(job.spec, fifo=await self._policies.is_fifo(DESIGNS)))
        return await self._jobs.add(principal, job_id, job, self._fingerprint(body, chosen))

    def _fingerprint(self, body: DesignJobBody, engine: str) -> Fingerprint | None:
        if not self._rules.same_for:
            return None
        text = json.dumps([engine, body.model_dump(mode="json")], sort_keys=True)
        return Fingerprint(
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            since=self._clock.now() - self._rules.same_for,
        )

    def _simulated(self, body: DesignJobBody, design: Design) -> NewJob:
        if not self._rules.simulated:
            raise invalid("engine", "the simulated engine is not enabled on this farm")
        settings: dict[str, Json] = {"seconds": list(_SECONDS), **_image(body), **body.settings}
        return _job(body, design, Work(engine=SIMULATED, settings=settings), None)

    async def _rendered(
        self, principal: Principal, body: DesignJobBody, design: Design, script: str
    ) -> NewJob:
        stored = await self._store(principal, script.encode(), SCRIPT, "text/x-python")
        entry = Entry(path=SCRIPT, asset_id=stored.id, blake3=stored.blake3, size=stored.size)
        bundle_id = await self._bundles.add(principal, [*design.files, entry])
        work = Work(engine="blender", script=SCRIPT, settings=_image(body))
        return _job(body, design, work, bundle_id)


def _job(body: DesignJobBody, design: Design, work: Work, bundle_id: str | None) -> NewJob:
    return NewJob(
        name=design.name,
        kind=JobKind.DESIGN,
        spec=JobSpec(work=work, steps=(StepSpec(name="frames", frames=_STILL),), pool=DESIGNS),
        user_label=body.userId,
        pool=DESIGNS,
        bundle_id=bundle_id,
        design_id=design.id,
    )


def _image(body: DesignJobBody) -> Mapping[str, Json]:
    return {
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
        )
    except DesignError as error:
        raise invalid(error.field, error.message) from error

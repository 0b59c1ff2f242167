"""A job as it is handed to the farm, whichever way it came in."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lightmill.api.core.bodies import JobBody
from lightmill.api.core.problem import invalid
from lightmill.domain.failures import RetryPolicy
from lightmill.domain.frames import MAX_FRAMES, FrameSet
from lightmill.domain.job import (
    DEFAULT_PRIORITY,
    JobKind,
    JobSpec,
    Json,
    Limits,
    StepSpec,
    Work,
    steps_with_test,
)
from lightmill.domain.resources import Needs

DEFAULT_POOL = "default"
SIMULATED = "simulated"
COMMAND = "command"
SCENELESS = frozenset({SIMULATED, COMMAND})
"""Engines that need no scene, and no files at all."""
ENGINES = {
    "blender": "blender",
    "cycles": "blender",
    "eevee": "blender",
    "arnold": "maya",
    "maya": "maya",
    "unreal": "unreal",
    "ue": "unreal",
    "ue5": "unreal",
    SIMULATED: SIMULATED,
    COMMAND: COMMAND,
}
"""What seed 004 calls a renderer, and the engine that it means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """One row of `jobs`, about to be written."""

    name: str
    kind: JobKind
    spec: JobSpec
    user_label: str
    pool: str = DEFAULT_POOL
    priority: int = DEFAULT_PRIORITY
    bundle_id: str | None = None
    design_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What every way of handing in frames has in common."""

    engine: str
    frames: FrameSet
    test_frames: FrameSet | None = None
    stop_after_test: bool = False
    scene: str | None = None
    needs: Needs = field(default_factory=Needs)
    chunk: int = 1
    settings: Mapping[str, Json] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    @property
    def kind(self) -> JobKind:
        """The kind of job that this becomes."""
        return JobKind.SIMULATED if self.engine == SIMULATED else JobKind.SCENE

    def spec(self) -> JobSpec:
        """Return the specification for the scheduler.

        Raises:
            ProblemError: frames and test frames are more than a job may have.
        """
        steps = steps_with_test(self.frames, self.test_frames, stop=self.stop_after_test)
        spec = JobSpec(
            work=Work(
                engine=self.engine,
                scene=self.scene,
                settings=self.settings,
                limits=self.limits,
            ),
            steps=tuple(map(self._chunked, steps)),
            needs=self.needs,
            retry=self.retry,
        )
        if spec.frame_count > MAX_FRAMES:
            raise invalid(
                "test_frames", f"{spec.frame_count} frames; a job has at most {MAX_FRAMES}"
            )
        return spec

    def _chunked(self, step: StepSpec) -> StepSpec:
        return step if step.name == "test" else replace(step, chunk=self.chunk)


def ask_of(body: JobBody) -> Ask:
    """Return what a canonical body asks."""
    needs = replace(Needs(**body.needs.model_dump()), pool=body.needs.pool or body.pool)
    return Ask(
        engine=body.engine,
        frames=body.frames,
        test_frames=body.test_frames,
        stop_after_test=body.stop_after_test,
        scene=body.scene,
        needs=needs,
        chunk=body.chunk,
        settings=body.settings,
        limits=Limits(**body.limits.model_dump()),
        retry=RetryPolicy(**body.retry.model_dump()),
    )

"""A job as it is handed to the farm, whichever way it came in."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from lightmill.api.core.job_bodies import JobBody, NeedsBody
from lightmill.api.core.job_steps import own_steps
from lightmill.api.core.problem import invalid
from lightmill.domain.failures import RetryPolicy
from lightmill.domain.frames import MAX_FRAMES, FrameSet
from lightmill.domain.job import (
    DEFAULT_POOL,
    DEFAULT_PRIORITY,
    AfterJob,
    FrameOrder,
    JobKind,
    JobSpec,
    Json,
    Limits,
    StepSpec,
    Work,
    steps_with_test,
)
from lightmill.domain.resources import Needs, Profile

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
_OF_FRAMES = (
    *("test_frames", "stop_after_test", "approval", "order", "chunk"),
    *("tiles", "film", "fps", "contact_sheet"),
)
"""Fields that say something of `frames`."""


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
    """What every way of handing in frames has in common.

    Attributes:
        steps: Of the caller's own, instead of frames and test frames.
        limits: Names of what each task takes one of.
        times: Seconds that the engine may take.
    """

    engine: str
    frames: FrameSet = field(default_factory=lambda: FrameSet(()))
    order: FrameOrder = FrameOrder.GIVEN
    test_frames: FrameSet | None = None
    stop_after_test: bool = False
    approval: bool = False
    steps: tuple[StepSpec, ...] = ()
    scene: str | None = None
    needs: Needs = field(default_factory=Needs)
    chunk: int | None = None
    settings: Mapping[str, Json] = field(default_factory=dict)
    times: Limits = field(default_factory=Limits)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    after: tuple[AfterJob, ...] = ()
    limits: tuple[str, ...] = ()
    deadline: datetime | None = None
    failure_budget: int | None = None

    @property
    def kind(self) -> JobKind:
        """The kind of job that this becomes."""
        return JobKind.SIMULATED if self.engine == SIMULATED else JobKind.SCENE

    @property
    def pool(self) -> str:
        """Where its tasks queue."""
        return self.needs.pool or DEFAULT_POOL

    @property
    def work(self) -> Work:
        """What the engine is asked to do, unless a step says otherwise."""
        return Work(
            engine=self.engine, scene=self.scene, settings=self.settings, limits=self.times
        )

    def spec(self, *, fifo: bool) -> JobSpec:
        """Return the specification for the scheduler; `fifo` is the mode of its pool.

        Raises:
            ProblemError: frames and test frames are more than a job may have.
        """
        spec = JobSpec(
            work=self.work,
            steps=self.steps or self._framed(),
            needs=self.needs,
            retry=self.retry,
            pool=self.pool,
            fifo=fifo,
            after=self.after,
            limits=self.limits,
            deadline=self.deadline,
            failure_budget=self.failure_budget,
        )
        if spec.frame_count > MAX_FRAMES:
            raise invalid(
                "test_frames", f"{spec.frame_count} frames; a job has at most {MAX_FRAMES}"
            )
        return spec

    def _framed(self) -> tuple[StepSpec, ...]:
        steps = steps_with_test(
            self.frames,
            self.test_frames,
            stop=self.stop_after_test,
            approval=self.approval,
            order=self.order,
        )
        return tuple(map(self._chunked, steps))

    def _chunked(self, step: StepSpec) -> StepSpec:
        return step if step.name == "test" else replace(step, chunk=self.chunk)


def ask_of(body: JobBody, profiles: Mapping[int, Profile]) -> Ask:
    """Return what a canonical body asks.

    Args:
        body: As it came.
        profiles: The hardware profiles of the tenant that it names.

    Raises:
        ProblemError: it names the field and the remedy.
    """
    _check_shape(body)

    def needs_of(needs: NeedsBody) -> Needs:
        return _needs(needs, body.pool, profiles)

    ask = Ask(
        engine=body.engine,
        frames=body.frames or FrameSet(()),
        order=body.order,
        test_frames=body.test_frames,
        stop_after_test=body.stop_after_test,
        approval=body.approval,
        scene=body.scene,
        needs=needs_of(body.needs),
        chunk=body.chunk,
        settings=body.settings,
        times=Limits(**body.time_limits.model_dump()),
        retry=RetryPolicy(**body.retry.model_dump()),
        after=tuple(AfterJob(**after.model_dump()) for after in body.after),
        limits=tuple(dict.fromkeys(body.limits)),
        deadline=body.deadline,
        failure_budget=body.failure_budget,
    )
    return replace(ask, steps=own_steps(body, ask.work, needs_of))


def _check_shape(body: JobBody) -> None:
    if (body.frames is None) == (body.steps is None):
        raise invalid("frames", "give either frames or steps")
    if body.steps is not None:
        for name in _OF_FRAMES:
            if name in body.model_fields_set:
                raise invalid(name, "goes with frames; with steps, each step says so itself")
    elif body.approval and body.test_frames is None:
        raise invalid("approval", "needs test_frames, which a person looks at first")


def _needs(body: NeedsBody, pool: str | None, profiles: Mapping[int, Profile]) -> Needs:
    plain = body.model_dump(exclude={"hardware_config_ids", "tags", "pool"})
    return Needs(
        **plain,
        pool=body.pool or pool,
        tags=tuple(dict.fromkeys(body.tags)),
        profiles=tuple(profiles[id_] for id_ in dict.fromkeys(body.hardware_config_ids)),
    )

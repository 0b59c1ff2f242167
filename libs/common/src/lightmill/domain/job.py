"""What a job asks for. Written by the api as one JSON document, read by scheduler and node."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from typing_extensions import TypeAliasType

from lightmill.domain.failures import RetryPolicy
from lightmill.domain.frames import FrameSet, bisected
from lightmill.domain.resources import Needs

Json = TypeAliasType("Json", "bool | int | float | str | list[Json] | dict[str, Json] | None")
"""Whatever JSON can say."""

DEFAULT_POOL = "default"
DEFAULT_PRIORITY = 1
MAX_PRIORITY = 100
NAMED_PRIORITIES = {"high_priority": 75, "default": 1, "low_priority": 0}


class JobKind(StrEnum):
    """How a job was handed in."""

    SCENE = "scene"
    DESIGN = "design"
    SIMULATED = "simulated"
    SWEEP = "sweep"
    OPENJD = "openjd"


class Wanted(StrEnum):
    """What the owner wants of a job; pausing is a mark beside it."""

    RUN = "RUN"
    CANCEL = "CANCEL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long an engine may take, in seconds; None means no limit.

    Attributes:
        start: From the start of the process to the scene being open.
        frame: For one frame.
        silence: Without a line of output.
    """

    start: float | None = 600.0
    frame: float | None = None
    silence: float | None = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the engine is asked to do; the same for every frame of a job.

    Attributes:
        engine: Name of the engine, such as `blender`.
        scene: Path of the scene inside the bundle; None where the engine needs none.
        script: Path inside the bundle of a generated script that builds the scene (designs).
        settings: What the engine's own documentation lists: camera, resolution, samples, format.
        inputs: Names of earlier steps of the job; it works on what they have rendered, as
            `STEP/0001.png`, instead of on the bundle's files.
    """

    engine: str
    scene: str | None = None
    script: str | None = None
    settings: Mapping[str, Json] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    inputs: tuple[str, ...] = ()

    @property
    def leaves_file(self) -> bool:
        """Whether a frame is a file at all: with the format NONE it is only something done."""
        wanted = self.settings.get("format")
        return not (isinstance(wanted, str) and wanted.upper() == "NONE")


class FrameOrder(StrEnum):
    """In which order a step's frames are handed out."""

    GIVEN = "given"
    ASCENDING = "ascending"
    DESCENDING = "descending"
    BISECTION = "bisection"


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """A step of the same job that another waits for.

    Attributes:
        step: Its name.
        must_succeed: Whether it has to succeed for the other to start.
        each: Frame by frame: a frame waits for the same frame of `step` alone. Both steps then
            have the same frames in the same order.
    """

    step: str
    must_succeed: bool = True
    each: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterJob:
    """Another job of the same tenant that has to end first."""

    job_id: str
    must_succeed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSpec:
    """Frames that are rendered alike.

    Attributes:
        chunk: Frames handed to a node at once; None: as many as measured times make sensible.
        after: Steps that must have ended first.
        approval: Whether a person has to release it once those have ended.
        work: What the engine is asked to do; None: the same as for the whole job.
        needs: Of one task of it; None: the same as for the whole job.
        delivered: Whether its images are results of the job; tiles serve another step alone.
    """

    name: str
    frames: FrameSet
    chunk: int | None = None
    order: FrameOrder = FrameOrder.GIVEN
    after: tuple[After, ...] = ()
    approval: bool = False
    work: Work | None = None
    needs: Needs | None = None
    delivered: bool = True

    def frame_at(self, ordinal: int) -> int:
        """Return the frame number at `ordinal`, the position in the order of handing out."""
        if self.order is FrameOrder.BISECTION:
            return self.frames.at(bisected(len(self.frames), ordinal))
        return self.frames.at(ordinal)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """Everything about a job that does not change after it was handed in.

    Attributes:
        pool: Whose order and ceiling it keeps to; its machines need not belong to that pool
            unless `needs` says so.
        fifo: That pool hands out strictly by creation time.
        after: Jobs that must have ended first.
        limits: Names of what every task of it takes one of while it runs (licences, slots).
        deadline: When its owner would like to have it: a hint among equals.
        failure_budget: Frames that may be given up before the whole job stops; None: a tenth of
            them, and at least ten.
    """

    work: Work
    steps: tuple[StepSpec, ...]
    needs: Needs = field(default_factory=Needs)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    pool: str = DEFAULT_POOL
    fifo: bool = False
    after: tuple[AfterJob, ...] = ()
    limits: tuple[str, ...] = ()
    deadline: datetime | None = None
    failure_budget: int | None = None

    @property
    def frame_count(self) -> int:
        """Return the number of frames of all steps."""
        return sum(len(step.frames) for step in self.steps)


def steps_with_test(
    frames: FrameSet,
    test: FrameSet | None,
    *,
    stop: bool,
    approval: bool = False,
    order: FrameOrder = FrameOrder.GIVEN,
) -> tuple[StepSpec, ...]:
    """Return the steps of a scene job: its test frames first, then the others.

    Args:
        frames: All frames that are wanted.
        test: Frames to render before the others; those outside `frames` are rendered too.
        stop: Whether a failed test frame keeps the others from being rendered.
        approval: Whether a person has to look at the test frames before the others start.
        order: Of the frames that are no test frames.
    """
    if test is None:
        return (StepSpec(name="frames", frames=arranged(frames, order), order=order),)
    rest = frames.without(test)
    first = StepSpec(name="test", frames=test, chunk=1)
    if not len(rest):
        return (first,)
    after = (After(step="test", must_succeed=stop),)
    others = StepSpec(
        name="frames",
        frames=arranged(rest, order),
        order=order,
        after=after,
        approval=approval,
    )
    return first, others


def arranged(frames: FrameSet, order: FrameOrder) -> FrameSet:
    """Return `frames` as a step with `order` keeps them: positions are looked up in it."""
    if order is FrameOrder.GIVEN:
        return frames
    ascending = frames.ascending()
    return ascending.descending() if order is FrameOrder.DESCENDING else ascending

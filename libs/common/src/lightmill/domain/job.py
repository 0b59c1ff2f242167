"""What a job asks for. Written by the api as one JSON document, read by scheduler and node."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from typing_extensions import TypeAliasType

from lightmill.domain.failures import RetryPolicy
from lightmill.domain.frames import FrameSet
from lightmill.domain.resources import Needs

Json = TypeAliasType("Json", "bool | int | float | str | list[Json] | dict[str, Json] | None")
"""Whatever JSON can say."""

DEFAULT_PRIORITY = 1
MAX_PRIORITY = 100
NAMED_PRIORITIES = {"high_priority": 75, "default": 1, "low_priority": 0}


class JobKind(StrEnum):
    """How a job was handed in."""

    SCENE = "scene"
    DESIGN = "design"
    SIMULATED = "simulated"


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
    """

    engine: str
    scene: str | None = None
    script: str | None = None
    settings: Mapping[str, Json] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSpec:
    """Frames that are rendered alike.

    Attributes:
        chunk: Frames handed to a node at once.
        after: Name of the step that must have ended first.
        must_succeed: Whether that step has to succeed for this one to start.
    """

    name: str
    frames: FrameSet
    chunk: int = 1
    after: str | None = None
    must_succeed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """Everything about a job that does not change after it was handed in."""

    work: Work
    steps: tuple[StepSpec, ...]
    needs: Needs = field(default_factory=Needs)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    fifo: bool = False

    @property
    def frame_count(self) -> int:
        """Return the number of frames of all steps."""
        return sum(len(step.frames) for step in self.steps)


def steps_with_test(
    frames: FrameSet, test: FrameSet | None, *, stop: bool
) -> tuple[StepSpec, ...]:
    """Return the steps of a scene job: its test frames first, then the others.

    Args:
        frames: All frames that are wanted.
        test: Frames to render before the others; those outside `frames` are rendered too.
        stop: Whether a failed test frame keeps the others from being rendered.
    """
    if test is None:
        return (StepSpec(name="frames", frames=frames),)
    rest = frames.without(test)
    first = StepSpec(name="test", frames=test)
    if not len(rest):
        return (first,)
    return first, StepSpec(name="frames", frames=rest, after="test", must_succeed=stop)

"""Jobs of the kinds that a scenario lists."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lightmill.domain.frames import FrameSet
from lightmill.domain.job import After, AfterJob, JobSpec, StepSpec, Work, steps_with_test
from lightmill.scheduler.simulation.kernel import Kernel
from lightmill.scheduler.simulation.kinds import WorkKind, one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Commission:
    """What somebody hands in; `seconds` of a frame, in the middle."""

    kind: WorkKind
    spec: JobSpec
    priority: int
    seconds: float


def drawn(
    kinds: Sequence[WorkKind], engine: str, before: str | None, kernel: Kernel
) -> Commission:
    """Return a job of one of these kinds; it may wait for the job `before`."""
    kind = one_of(kinds, kernel)
    count = max(2, round(kernel.draw(kind.frames)))
    chunk = round(kernel.draw(kind.chunk)) or None
    follows = before is not None and kernel.chance(kind.follows)
    spec = JobSpec(
        work=Work(engine=engine),
        steps=tuple(replace(step, chunk=chunk) for step in SHAPES[kind.shape](f"1-{count}")),
        needs=kind.needs,
        pool=kind.pool,
        fifo=kind.fifo,
        limits=tuple(kind.limits),
        after=(AfterJob(job_id=before, must_succeed=False),) if before and follows else (),
    )
    return Commission(
        kind=kind,
        spec=spec,
        priority=round(kernel.draw(kind.priority)),
        seconds=kernel.draw(kind.seconds),
    )


def _plain(frames: str) -> tuple[StepSpec, ...]:
    return (StepSpec(name="frames", frames=FrameSet.parse(frames)),)


def _tested(frames: str) -> tuple[StepSpec, ...]:
    return steps_with_test(FrameSet.parse(frames), FrameSet.parse("1"), stop=True)


def _approved(frames: str) -> tuple[StepSpec, ...]:
    test = FrameSet.parse("2")
    return steps_with_test(FrameSet.parse(frames), test, stop=True, approval=True)


def _each(frames: str) -> tuple[StepSpec, ...]:
    every = FrameSet.parse(frames)
    return (
        StepSpec(name="bake", frames=every),
        StepSpec(name="render", frames=every, after=(After(step="bake", each=True),)),
    )


def _film(frames: str) -> tuple[StepSpec, ...]:
    return (
        *_each(frames),
        StepSpec(name="film", frames=FrameSet.parse("1"), after=(After(step="render"),)),
    )


SHAPES: dict[str, Callable[[str], tuple[StepSpec, ...]]] = {
    "plain": _plain,
    "test": _tested,
    "approval": _approved,
    "each": _each,
    "film": _film,
}

"""Steps of the caller's own: which waits for which, and what each is asked to do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from operator import eq

from lightmill.api.core.job_bodies import AfterStepBody, JobBody, NeedsBody, StepBody
from lightmill.api.core.problem import invalid
from lightmill.domain.frames import MAX_FRAMES
from lightmill.domain.job import After, StepSpec, Work, arranged
from lightmill.domain.resources import Needs

NeedsOf = Callable[[NeedsBody], Needs]


def own_steps(body: JobBody, work: Work, needs_of: NeedsOf) -> tuple[StepSpec, ...]:
    """Return the steps that `body` lists, in its order.

    Raises:
        ProblemError: they are too long, two have one name, or one waits for what is not there,
            for itself, or frame by frame for other frames.
    """
    steps = body.steps or []
    found = tuple(_step(step, work, needs_of) for step in steps)
    known: dict[str, StepSpec] = {}
    for index, spec in enumerate(found):
        if spec.name in known:
            raise invalid(f"steps/{index}/name", f"there are two steps named {spec.name!r}")
        known[spec.name] = spec
    total = sum(len(step.frames) for step in found)
    if total > MAX_FRAMES:
        raise invalid("steps", f"{total} frames; a job has at most {MAX_FRAMES}")
    for index, step in enumerate(steps):
        _check_waits(index, step, known)
    _check_order(steps)
    return found


def _step(step: StepBody, work: Work, needs_of: NeedsOf) -> StepSpec:
    return StepSpec(
        name=step.name,
        frames=arranged(step.frames, step.order),
        chunk=step.chunk,
        order=step.order,
        after=tuple(map(_after, step.after)),
        approval=step.approval,
        work=_work(step, work),
        needs=None if step.needs is None else needs_of(step.needs),
    )


def _after(after: AfterStepBody) -> After:
    return After(step=after.step, must_succeed=after.must_succeed, each=after.each)


def _work(step: StepBody, work: Work) -> Work | None:
    """Return what a step is asked to do, or None when that is what the whole job is."""
    own = {
        name: value
        for name in ("engine", "scene", "settings")
        if (value := getattr(step, name)) is not None
    }
    return replace(work, **own) if own else None


def _check_waits(index: int, step: StepBody, known: Mapping[str, StepSpec]) -> None:
    for place, after in enumerate(step.after):
        field = f"steps/{index}/after/{place}"
        other, mine = known.get(after.step), known[step.name]
        if other is None:
            names = ", ".join(known)
            raise invalid(f"{field}/step", f"there is no step {after.step!r}; there are {names}")
        if after.each and not _alike(mine, other):
            detail = (
                f"{step.name!r} and {after.step!r} have other frames, or in another order; "
                "frame by frame needs them alike"
            )
            raise invalid(f"{field}/each", detail)
    if len({after.step for after in step.after}) < len(step.after):
        raise invalid(f"steps/{index}/after", "names one step twice")


def _alike(one: StepSpec, other: StepSpec) -> bool:
    """Tell whether two steps hand out the same frames in the same order."""
    if one.order is not other.order or len(one.frames) != len(other.frames):
        return False
    return one.frames == other.frames or all(map(eq, one.frames, other.frames))


def _check_order(steps: Sequence[StepBody]) -> None:
    graph = {step.name: [after.step for after in step.after] for step in steps}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        told = ", ".join(f"{late!r} after {early!r}" for early, late in pairwise(circle))
        raise invalid("steps", f"they wait for each other in a circle: {told}") from None

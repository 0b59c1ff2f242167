"""Who renders what next."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lightmill.domain.resources import obstacle
from lightmill.domain.states import AttemptState
from lightmill.messages.orders import Assignment, Frame
from lightmill.scheduler.core import attempts
from lightmill.scheduler.core.machine import Grant, Node
from lightmill.scheduler.core.state import FarmState
from lightmill.scheduler.core.waiting import GivenBack
from lightmill.scheduler.core.work import Attempt, Job, Step, Task


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task goes: at once, or `ahead`, to wait there behind running work.

    Attributes:
        back: The ordinal that goes there; None means those next in line.
    """

    node: Node
    grant: Grant
    ahead: bool
    back: GivenBack | None


def plan(farm: FarmState) -> None:
    """Hand out what waits to the nodes that have room."""
    roomy = [node for node in farm.nodes.values() if _has_room(node) and node.takes_work]
    for step in sorted(_open_steps(farm), key=_rank) if roomy else ():
        while roomy and (place := _place(farm, step, roomy)):
            _hand_out(farm, step, place)
            if not _has_room(place.node):
                roomy.remove(place.node)
    _even_out(farm)


def _open_steps(farm: FarmState) -> Iterator[Step]:
    for job in farm.jobs.values():
        if job.paused or job.ended:
            continue
        for step in job.steps:
            if step.open and step.waiting.has_due(farm.now):
                yield step


def _rank(step: Step) -> tuple[int, bool, datetime, str, int]:
    """Return the place in the order: priority, test frames, first come, first step."""
    job = step.job
    return (-job.priority, not step.leads, job.created_at, job.id, step.position)


def _has_room(node: Node) -> bool:
    return not node.ahead


def _place(farm: FarmState, step: Step, roomy: list[Node]) -> Place | None:
    """Return where the next task of `step` goes, or None when nowhere."""
    fitting = [node for node in roomy if _fits(step, node)]
    for back in _next(farm, step) if fitting else ():
        if place := _place_of(step, back, _allowed(farm, step, back, fitting)):
            return place
    return None


def _next(farm: FarmState, step: Step) -> Iterator[GivenBack | None]:
    """Yield what of `step` may be handed out: one that waits for its node holds up no other."""
    back = step.waiting.due(farm.now)
    if back is not None:
        yield back
        if back.avoid_node is not None:
            other = step.waiting.due_for(back.avoid_node, farm.now)
            if other is not None:
                yield other
    if step.waiting.next_ordinal < step.waiting.total:
        yield None


def _allowed(
    farm: FarmState, step: Step, back: GivenBack | None, fitting: list[Node]
) -> list[Node]:
    """Return the nodes without the one that `back` failed on, unless no other is there."""
    if back is None or back.avoid_node is None:
        return fitting
    others = [n for n in farm.nodes.values() if n.takes_work and n.id != back.avoid_node]
    if not any(_fits(step, node) for node in others):
        return fitting
    return [node for node in fitting if node.id != back.avoid_node]


def _place_of(step: Step, back: GivenBack | None, nodes: list[Node]) -> Place | None:
    needs = step.job.spec.needs
    now = [
        Place(node, grant, ahead=False, back=back)
        for node in nodes
        if (grant := node.grant(needs))
    ]
    if now:
        return min(now, key=lambda place: _cost(step, place.node))
    if step.job.spec.fifo:
        return None  # an order that waits on a node could start after a younger job elsewhere
    later = [
        Place(node, grant, ahead=True, back=back)
        for node in nodes
        if (grant := node.grant_ahead(needs))
    ]
    return min(later, key=lambda place: _cost(step, place.node), default=None)


def _fits(step: Step, node: Node) -> bool:
    spec = step.job.spec
    return obstacle(spec.needs, spec.work.engine, node.offer) is None


def _cost(step: Step, node: Node) -> tuple[float, bool, str]:
    """Return what is least where the task does best: a free machine with the scene open."""
    return (round(node.load, 3), node.warm != step.id, node.name)


def _hand_out(farm: FarmState, step: Step, place: Place) -> None:
    back = place.back
    if back is not None:
        step.waiting.take_given_back(back)
        farm.changes.given_back[step.id, back.ordinal] = None
        task = _task(farm, step, (back.ordinal,), back)
    else:
        task = _task(farm, step, tuple(step.waiting.take_next(step.spec.chunk or 1)), None)
    attempt = Attempt(
        id=farm.new_id(),
        task=task,
        node_id=place.node.id,
        session=place.node.session,
        cores=place.grant.cores,
        ram=place.grant.ram,
        gpus=place.grant.gpus,
        ahead=place.ahead,
        sent_at=farm.tick,
    )
    attempt.lease_until = farm.lease(attempt)
    _occupy(farm, step, place.node, attempt)


def _task(farm: FarmState, step: Step, ordinals: tuple[int, ...], back: GivenBack | None) -> Task:
    return Task(
        id=farm.new_id(),
        step=step,
        ordinals=ordinals,
        created_at=farm.now,
        failures=back.failures if back else 0,
        tries=back.tries if back else 0,
        remaining=set(ordinals),
    )


def _occupy(farm: FarmState, step: Step, node: Node, attempt: Attempt) -> None:
    if attempt.ahead:
        node.ahead[attempt.id] = attempt
    else:
        node.hold(attempt)
    node.warm = step.id
    step.running[attempt.id] = attempt
    farm.attempts[attempt.id] = attempt
    farm.changes.born.append(attempt)
    farm.changes.steps[step.id] = step
    farm.touch(step.job)
    farm.note(step.job, "attempt", attempt.id, (None, attempt.state, f"given to {node.name}"))
    farm.changes.letter(node).assign.append(_assignment(step.job, attempt))


def _assignment(job: Job, attempt: Attempt) -> Assignment:
    task = attempt.task
    frames = zip(task.ordinals, task.frames, strict=True)
    return Assignment(
        attempt_id=attempt.id,
        task_id=task.id,
        step_id=task.step.id,
        job_id=job.id,
        tenant_id=job.tenant_id,
        owner=job.owner_id,
        work=job.spec.work,
        bundle_id=job.bundle_id,
        frames=tuple(Frame(ordinal=ordinal, frame=frame) for ordinal, frame in frames),
        cores=attempt.cores,
        ram=attempt.ram,
        gpus=attempt.gpus,
    )


def _even_out(farm: FarmState) -> None:
    """Call back work that waits on a busy node while a machine that fits stands idle."""
    idle = [n for n in farm.nodes.values() if not (n.held or n.ahead) and n.takes_work]
    for node in farm.nodes.values():
        for attempt in node.ahead.values():
            if not idle:
                return
            fits = next((other for other in idle if _fits(attempt.task.step, other)), None)
            waited = farm.tick > attempt.sent_at and attempt.state is AttemptState.ASSIGNED
            if fits is not None and waited and not attempt.recalled:
                attempts.recall(farm, attempt)
                idle.remove(fits)

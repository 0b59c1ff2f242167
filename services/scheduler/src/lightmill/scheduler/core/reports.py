"""What follows from a node's report, and from its silence."""

from collections.abc import Collection, Iterable
from operator import attrgetter

from lightmill.domain.failures import FailureKind
from lightmill.domain.results import FrameResult
from lightmill.domain.states import AttemptState, NodeState
from lightmill.messages.attempts_settled import SettledAttempt, SettledFrames
from lightmill.messages.node_report import Finish, HeldAttempt, HeldState, NodeReport, Outcome
from lightmill.scheduler.core import attempts, lifecycle, trusting
from lightmill.scheduler.core.machine import Answer, Node
from lightmill.scheduler.core.state import (
    MISSING_AFTER,
    OFFLINE_AFTER,
    SHORTEST_LEASE,
    FarmState,
)
from lightmill.scheduler.core.work import Attempt

# Looked up on its class, a member takes ten times as long: some dozen a frame add up.
_ASSIGNED, _BEGUN = AttemptState.ASSIGNED, AttemptState.RUNNING
_RUNNING = HeldState.RUNNING
_SUCCEEDED, _FAILED = Outcome.SUCCEEDED, Outcome.FAILED

_ID = attrgetter("id")

_LEAST_PROGRESS = 0.01
_ANSWER_HOLDS = 2
"""Ticks in which an end that is told once more is not answered once more."""
_DETAIL_LENGTH = 20_000


def hear(farm: FarmState, report: NodeReport) -> None:
    """Bring the farm into agreement with what a node says is true of it."""
    node = farm.nodes.get(report.node_id)
    if node is None:
        node = _meet(farm, report)
    fresh = report.session != node.session
    if _is_overtaken(farm, node, report) if fresh else report.sequence <= node.sequence:
        return
    _greet(farm, node, report, fresh=fresh)
    if report.freed or node.freed:
        _note_freed(farm, node, report)
    if report.finishes or node.settled:
        _settle(farm, node, report.finishes)
    listed = _go_on(farm, node, report.held)
    if fresh or listed != len(node.held) + len(node.ahead):
        _miss(farm, node, report, fresh=fresh)
    farm.fleet.look(node)


def beat(farm: FarmState) -> None:
    """Let a beat pass: leases run, silent nodes go offline, progress becomes visible."""
    farm.tick += 1
    farm.restless = True
    farm.shares.remember(farm.beat)
    ceilings = farm.limits.ceilings()
    farm.limits.adjust(farm.queue.steps, farm.seconds)
    farm.changes.ceilings.update(farm.limits.ceilings().items() - ceilings.items())
    for attempt in _unheard(farm):
        if farm.tick > attempt.heard_at + farm.lease(attempt) and not attempt.ended:
            _lose(farm, attempt, "lease over: no report listed it")
    quarantined, long_ago = NodeState.QUARANTINED, farm.tick - OFFLINE_AFTER
    for node in farm.nodes.values():
        silent = node.heard_at is None or node.heard_at < long_ago
        if silent and farm.tick > OFFLINE_AFTER and node.state is not NodeState.OFFLINE:
            trusting.move_node(farm, node, NodeState.OFFLINE)
            farm.fleet.look(node)
        elif node.state is quarantined:
            trusting.stand(farm, node)
    for job_id in farm.progressed & farm.jobs.keys():
        farm.touch(farm.jobs[job_id])
    farm.progressed.clear()


def _unheard(farm: FarmState) -> list[Attempt]:
    """Return the attempts of which no report has told for the shortest lease, the oldest first.

    A report renews the leases of all that it lists; what it does not list is lost, or too new to
    be missed. So they are looked for on machines that are silent, and nowhere else.
    """
    latest = farm.tick - SHORTEST_LEASE
    silent = [
        node
        for node in farm.nodes.values()
        if node.heard_at is None or node.heard_at < latest + MISSING_AFTER
    ]
    held = [one for node in silent for one in (*node.held.values(), *node.ahead.values())]
    return sorted([one for one in held if one.heard_at < latest], key=_ID)


def undelivered(farm: FarmState, session: str, attempt_ids: tuple[str, ...]) -> None:
    """Take back orders that no queue took; the node gets no more until it reports again."""
    for node in [one for one in farm.nodes.values() if one.had(session)]:
        for attempt in [found for one in attempt_ids if (found := node.attempt(one))]:
            if attempt.session != session or attempt.listed or attempt.ended:
                continue
            _lose(farm, attempt, "session gone: the order came back")
            farm.vacate(node, attempt)
            if node.session == session:
                node.heard_at = None
            farm.fleet.look(node)


def _meet(farm: FarmState, report: NodeReport) -> Node:
    node = Node(id=report.node_id, name=report.name, session=report.session, offer=report.offer)
    farm.nodes[node.id] = node
    asked = farm.wishes.get(node.id)
    if asked is not None:
        trusting.ask(farm, asked)
    return node


def _is_overtaken(farm: FarmState, node: Node, report: NodeReport) -> bool:
    """Tell whether a report of a later session has been heard.

    Session ids sort by age: a report of an older session has been overtaken. When the newer one
    has long been silent, the clock of the machine was set back, and this is a new one.
    """
    heard = node.heard_at is not None and farm.tick - node.heard_at <= OFFLINE_AFTER
    return heard and (report.session < node.session or report.session in node.left)


def _greet(farm: FarmState, node: Node, report: NodeReport, *, fresh: bool) -> None:
    """Note what the report says of the node itself."""
    if fresh:
        if node.sequence:
            node.left.add(node.session)
        node.settled.clear()
        farm.changes.nodes[node.id] = node
    if report.offer is not node.offer and report.offer != node.offer:
        node.offer = report.offer
        node.count()
        farm.changes.nodes[node.id] = node
    node.session, node.sequence, node.name = report.session, report.sequence, report.name
    node.heard_at, node.draining = farm.tick, report.draining
    trusting.stand(farm, node)


def _note_freed(farm: FarmState, node: Node, report: NodeReport) -> None:
    """Note what of its workspaces the node has deleted that was not known yet."""
    freed = {workspace.job_id: workspace.bytes for workspace in report.freed}
    for job_id, size in freed.items():
        if node.freed.get(job_id) != size:
            farm.changes.freed[job_id, node.id] = size
    node.freed = freed


def _settle(farm: FarmState, node: Node, finishes: Collection[Finish]) -> None:
    """Answer every end of an attempt; what the report tells no more is forgotten.

    A node that is told again before the answer can have come tells it again too: it is answered
    once in two beats, or a leader that is behind would answer most of all what it has answered.
    """
    known, tick = node.settled, farm.tick
    settled: dict[str, Answer] = {}
    for finish in finishes:
        attempt_id = finish.attempt_id
        answer = known.get(attempt_id) or settled.get(attempt_id)
        if answer is None:
            answer = (_end(farm, node, finish), tick)
        elif tick - answer[1] < _ANSWER_HOLDS:
            settled[attempt_id] = answer
            continue
        else:
            answer = (answer[0], tick)
        settled[attempt_id] = answer
        farm.changes.letter(node).settled.append(SettledAttempt(attempt_id, answer[0]))
    node.settled = settled


def _end(farm: FarmState, node: Node, finish: Finish) -> bool:
    """Apply the end of an attempt; return whether it was the current one, and this node's."""
    attempt_id = finish.attempt_id
    attempt = node.held.get(attempt_id) or node.ahead.get(attempt_id)
    if attempt is None:
        return False
    current = not attempt.ended
    if current:
        _finish(farm, node, attempt, finish)
    farm.vacate(node, attempt)
    return current


def _finish(farm: FarmState, node: Node, attempt: Attempt, finish: Finish) -> None:
    step, outcome, delivered = attempt.task.step, finish.outcome, finish.delivered
    if delivered:
        _deliver(farm, attempt, delivered)
    # A short attempt may end before any report shows it running.
    if attempt.state is _ASSIGNED and (outcome is _SUCCEEDED or outcome is _FAILED or delivered):
        lifecycle.begin(farm, step)
    if outcome is _SUCCEEDED and not attempt.task.remaining:
        attempts.succeed(farm, attempt)
        trusting.succeed(farm, node, step)
    elif outcome is _SUCCEEDED:
        missing = "the node said done, and frames are missing"
        _fail(farm, node, attempt, (FailureKind.OUTPUT, missing))
    elif outcome is _FAILED:
        kind = finish.failure or FailureKind.ENGINE
        _fail(farm, node, attempt, (kind, finish.detail[:_DETAIL_LENGTH]))
    else:
        attempts.give_up(farm, attempt, f"{outcome.lower()} by the node")
    if not step.running:  # nothing ends before
        lifecycle.settle(farm, step)


def _deliver(farm: FarmState, attempt: Attempt, results: Iterable[FrameResult]) -> None:
    """Take in frames, and let those go that wait for them one by one."""
    step = attempt.task.step
    taken = attempts.deliver(farm, attempt, results)
    if step.followed:
        for ordinal in taken:
            lifecycle.release(farm, step, ordinal)


def _fail(farm: FarmState, node: Node, attempt: Attempt, reason: tuple[FailureKind, str]) -> None:
    """End an attempt as failed, with what follows for its frames, its job and its node."""
    kind, detail = reason
    step = attempt.task.step
    trusting.fail(farm, node, step.job, kind)
    lost = attempts.fail(farm, attempt, kind, detail)
    if lost is None:
        return
    lifecycle.withhold(farm, step, lost)
    if kind is FailureKind.MISSING_FILE:
        lifecycle.fail_at_once(farm, step, detail)
    else:
        lifecycle.keep_budget(farm, step.job)


def _go_on(farm: FarmState, node: Node, held: Collection[HeldAttempt]) -> int:
    """Renew the leases of what the node holds; return how many of its attempts it lists.

    Nearly all that reports hold is an attempt of which there is no other news, so that is the
    leader's shortest way.
    """
    listed, here, tick = len(held), node.held, farm.tick
    for one in held:
        attempt = here.get(one.attempt_id) or node.ahead.get(one.attempt_id)
        if attempt is None:
            farm.changes.letter(node).call_off(one.attempt_id)
            listed -= 1
        elif (
            attempt.state is not _BEGUN
            or one.state is not _RUNNING
            or one.delivered
            or abs(one.progress - attempt.task.progress) >= _LEAST_PROGRESS
        ):
            _renew(farm, node, attempt, one)
        else:
            attempt.listed = True
            attempt.heard_at = tick
            attempt.running_seconds = one.running_seconds
    return listed


def _renew(farm: FarmState, node: Node, attempt: Attempt, held: HeldAttempt) -> None:
    """Renew the lease of an attempt that is wanted, and have the others killed."""
    if attempt.ended:
        farm.changes.letter(node).call_off(held.attempt_id)
        return
    attempt.listed = True
    attempt.heard_at = farm.tick
    attempt.running_seconds = held.running_seconds
    if held.state is _RUNNING:
        if attempt.ahead:
            node.promote(attempt)
        if attempt.state is _ASSIGNED:
            attempts.begin(farm, attempt)
            lifecycle.begin(farm, attempt.task.step)
    if held.delivered:
        _take_frames(farm, node, attempt, held)
    if abs(held.progress - attempt.task.progress) >= _LEAST_PROGRESS:
        attempt.task.progress = held.progress
        farm.changes.tasks[attempt.task.id] = attempt.task
        farm.progressed.add(attempt.task.step.job.id)


def _take_frames(farm: FarmState, node: Node, attempt: Attempt, held: HeldAttempt) -> None:
    before = len(attempt.task.remaining)
    _deliver(farm, attempt, held.delivered)
    if len(attempt.task.remaining) < before:
        lifecycle.begin(farm, attempt.task.step)
        farm.changes.steps[attempt.task.step.id] = attempt.task.step
        farm.touch(attempt.task.step.job)
    ordinals = tuple(result.ordinal for result in held.delivered)
    answer = SettledFrames(attempt_id=attempt.id, ordinals=ordinals)
    letter = farm.changes.letter(node)
    letter.settled_frames = [*letter.settled_frames, answer]


def _miss(farm: FarmState, node: Node, report: NodeReport, *, fresh: bool) -> None:
    """Take back what the node should hold and does not."""
    finished = {finish.attempt_id for finish in report.finishes}
    listed = finished | {held.attempt_id for held in report.held}
    for attempt in [*node.held.values(), *node.ahead.values()]:
        if attempt.id in listed:
            continue
        overdue = farm.tick - attempt.sent_at > MISSING_AFTER
        if fresh or attempt.listed or overdue:
            if not attempt.ended:
                _lose(farm, attempt, "the node does not hold it")
            farm.vacate(node, attempt)


def _lose(farm: FarmState, attempt: Attempt, why: str) -> None:
    step = attempt.task.step
    lost = attempts.lose(farm, attempt, why)
    if lost is not None:
        lifecycle.withhold(farm, step, lost)
        lifecycle.keep_budget(farm, step.job)
    lifecycle.settle(farm, step)

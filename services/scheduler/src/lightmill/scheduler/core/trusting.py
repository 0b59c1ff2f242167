"""What a node's failures, and the wishes of persons, mean for where it stands."""

from collections.abc import Iterable

from lightmill.domain.failures import FailureKind
from lightmill.domain.policy import NodeWish
from lightmill.domain.states import AttemptState, NodeState
from lightmill.scheduler.core import attempts
from lightmill.scheduler.core.facts import NodeAsked
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.state import FarmState
from lightmill.scheduler.core.work import Job, Step

# Looked up on its class, a member takes ten times as long, and every report asks where it stands.
_RUN, _DISABLE, _DRAIN = NodeWish.RUN, NodeWish.DISABLE, NodeWish.DRAIN
_ONLINE = NodeState.ONLINE


def ask(farm: FarmState, asked: NodeAsked) -> None:
    """Do with a node as a person wishes; of one that has not been seen yet, keep it in mind."""
    farm.wishes[asked.node_id] = asked
    node = farm.nodes.get(asked.node_id)
    if node is None:
        return
    if asked.forgiven > node.forgiven:
        node.record.forgive()
        node.quarantined_until = None
    if (asked.wish, asked.forgiven) != (node.wish, node.forgiven):
        node.wish, node.forgiven = asked.wish, asked.forgiven
        farm.changes.nodes[node.id] = node
    if node.wish is not _RUN:
        for attempt in [*node.held.values(), *node.ahead.values()]:
            if attempt.state is AttemptState.ASSIGNED:
                attempts.recall(farm, attempt)
    if node.state is not NodeState.OFFLINE:
        stand(farm, node)


def take_over(farm: FarmState, jobs: Iterable[Job]) -> None:
    """Have the records of all nodes tell of these jobs, which have just been taken in."""
    found = {job.id: job for job in jobs}
    for node in farm.nodes.values():
        record = node.record
        record.in_a_row.update((i, found[i]) for i in record.in_a_row.keys() & found.keys())
        for job_id in record.failures.keys() & found.keys():
            found[job_id].barred = found[job_id].barred or record.bars(job_id)


def succeed(farm: FarmState, node: Node, step: Step) -> None:
    """Note that `node` has rendered something of `step`."""
    if node.record.succeed(step.job):
        farm.changes.nodes[node.id] = node
    if step.shortages:
        step.shortages = 0
        farm.limits.succeed(step)


def fail(farm: FarmState, node: Node, job: Job, kind: FailureKind) -> None:
    """Note that something of `job` failed on `node`; take the node out when it looks broken."""
    suspect = node.record.fail(job, kind)
    farm.changes.nodes[node.id] = node
    job.barred = job.barred or node.record.bars(job.id)
    if suspect:
        node.quarantined_until = farm.now + node.record.quarantine()
        stand(farm, node)


def stand(farm: FarmState, node: Node) -> None:
    """Bring the state of a node that is there up to date."""
    if node.quarantined_until is not None and node.quarantined_until <= farm.now:
        node.quarantined_until = None
    wanted = _standing(node)
    if node.state is not wanted:
        move_node(farm, node, wanted)
        farm.fleet.look(node)


def move_node(farm: FarmState, node: Node, wanted: NodeState) -> None:
    """Have a node stand elsewhere, and its listeners told."""
    node.state = wanted
    farm.changes.nodes[node.id] = node
    farm.changes.nodes_told.add(node.id)


def _standing(node: Node) -> NodeState:
    if node.wish is _DISABLE:
        return NodeState.DISABLED
    if node.draining or node.wish is _DRAIN:
        return NodeState.DRAINING
    if node.quarantined_until is not None:
        return NodeState.QUARANTINED
    return _ONLINE

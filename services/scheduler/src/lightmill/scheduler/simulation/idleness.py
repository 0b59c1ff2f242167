"""Machines that stand idle although something waits that could begin there at once."""

from collections.abc import Iterator

from lightmill.domain.policy import LimitScope
from lightmill.scheduler.core.limits import pool_limit
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.work import Step
from lightmill.scheduler.simulation.policy_laws import Plan, cores_of, fits


def idle_in_vain(plan: Plan) -> Iterator[tuple[Node, Step]]:
    """Yield machines that hold nothing and are kept for nobody, each with what could begin there.

    Left out is what waits by the farm's policy: beyond a limit, a burst or a pool's ceiling, or
    behind what a FIFO pool has before it; and what needs no device, where other work waits for
    those.
    """
    idle = [node for node in plan.nodes.values() if _is_idle(node)]
    waiting = [step for step in plan.waiting if _is_next(step, plan)] if idle else []
    for node in idle:
        wanted = any(s.needs.gpus and _is_allowed(s, node, plan) for s in waiting)
        for step in waiting:
            if _could(step, node, plan) and (step.needs.gpus or not wanted):
                yield node, step
                break


def _is_idle(node: Node) -> bool:
    return node.takes_work and not node.held and not node.ahead and node.reserved is None


def _is_next(step: Step, plan: Plan) -> bool:
    """Tell whether nothing that a FIFO pool has before it waits, nor is its pool full."""
    job = step.job
    same = [s for s in plan.waiting if s.job.spec.fifo and s.pool == step.pool]
    if job.spec.fifo and any((s.job.created_at, s.job.id) < _age(step) for s in same):
        return False
    counted = plan.farm.limits.counted.get(pool_limit(step.pool))
    return counted is None or not counted.is_full(plan.now)


def _age(step: Step) -> tuple[object, str]:
    return step.job.created_at, step.job.id


def _could(step: Step, node: Node, plan: Plan) -> bool:
    shunned = step.waiting.avoided(plan.now) == node.id or node.record.bars(step.job.id)
    return not shunned and _is_allowed(step, node, plan)


def _is_allowed(step: Step, node: Node, plan: Plan) -> bool:
    allowed = all(_is_left(name, node, plan) for name in step.job.spec.limits)
    return allowed and fits(step, node, plan) and _is_within_burst(step, node, plan)


def _is_left(name: str, node: Node, plan: Plan) -> bool:
    limit, counted = plan.policy.limits.get(name), plan.farm.limits.counted.get(name)
    if limit is None or counted is None or limit.scaling is not None:
        return counted is not None and counted.serves(node.id, plan.now)
    if counted.held_until is not None and plan.now < counted.held_until:
        return False
    taken = [a for a in plan.held if name in a.task.step.job.spec.limits]
    if limit.scope is LimitScope.TASK:
        return limit.total is None or len(taken) < limit.total
    machines = {attempt.node_id for attempt in taken}
    return node.id in machines or limit.total is None or len(machines) < limit.total


def _is_within_burst(step: Step, node: Node, plan: Plan) -> bool:
    job, needs = step.job, step.needs
    cores = node.offer.cores if needs.whole_machine else needs.cores or 1
    for key in ((job.tenant_id, job.user), (job.tenant_id, None)):
        share = plan.policy.shares.get(key)
        bounded = share is not None and share.burst is not None and not job.spec.fifo
        if share is not None and bounded and cores_of(key, plan.held) + cores > (share.burst or 0):
            return False
    return True

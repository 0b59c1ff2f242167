"""What everything that is handed out keeps to: machines, devices, limits, bursts, order.

Reckoned anew from what machines hold and what the farm's keeper has decided, not from the
scheduler's own counts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from lightmill.domain.job import After, StepSpec
from lightmill.domain.policy import LimitScope, NodeWish, Policy
from lightmill.domain.resources import Needs, devices, obstacle, stronger
from lightmill.domain.states import AttemptState, JobState, StepState
from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.facts import JobAsked
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.work import Attempt, Job, Step
from lightmill.scheduler.simulation.database import Rows

_OVER = {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}


@dataclass(kw_only=True)
class Plan:
    """A turn that is over but for its commit.

    Attributes:
        rows: As they stand before that commit.
    """

    farm: Farm
    policy: Policy
    changes: Changes
    rows: Rows
    now: datetime
    nodes: dict[str, Node] = field(init=False)

    def __post_init__(self) -> None:
        self.nodes = {node.id: node for node in self.farm.nodes}

    @cached_property
    def born(self) -> list[Attempt]:
        """Return what is handed out in this turn."""
        return [attempt for attempt in self.changes.born if not attempt.ended]

    @cached_property
    def held(self) -> list[Attempt]:
        """Return all that machines hold, or may hold: also what has ended unconfirmed."""
        return [a for node in self.farm.nodes for a in (*node.held.values(), *node.ahead.values())]

    @cached_property
    def waiting(self) -> list[Step]:
        """Return the steps of which something could be handed out now, were there room."""
        return [s for job in self.farm.jobs for s in job.steps if _may_go(s, self.now)]

    def asked(self, job: Job) -> JobAsked:
        """Return what the owner of `job` has asked for."""
        return self.rows.asked[job.id]

    def spec(self, step: Step) -> StepSpec:
        """Return what the owner of its job has asked of `step`."""
        return self.asked(step.job).spec.steps[step.position]

    def needs(self, step: Step) -> Needs:
        """Return what one task of `step` was said to ask, its pool's isolation included."""
        needs = self.spec(step).needs or self.asked(step.job).spec.needs
        pool = self.policy.pools.get(step.pool)
        if pool is not None:
            needs = replace(needs, sandbox=stronger(needs.sandbox, pool.sandbox))
        return needs


def _may_go(step: Step, now: datetime) -> bool:
    job = step.job
    if job.paused or job.ended or not step.open or not step.waiting.has_due(now):
        return False
    return step.held_until is None or step.held_until <= now


def fits(step: Step, node: Node, plan: Plan) -> bool:
    """Tell whether a task of `step`, with the memory shown by now, could ever run on `node`."""
    needs = plan.needs(step)
    if needs.whole_machine and (step.ram or 0) > node.offer.ram:
        return False
    if step.ram is not None and not needs.whole_machine:
        needs = replace(needs, ram=step.ram)
    return obstacle(needs, step.work.engine, node.offer) is None


def no_machine_is_promised_twice(plan: Plan) -> Iterator[str]:
    """What a machine holds fits it, by every resource; each device is given to one.

    No order waits there beyond one for each that runs; where nothing runs, one does.
    """
    for node in {plan.nodes[attempt.node_id].id for attempt in plan.born}:
        yield from overfull(plan.nodes[node])
    for node in {plan.nodes[attempt.node_id].id for attempt in plan.born if attempt.ahead}:
        held, ahead = plan.nodes[node].held, plan.nodes[node].ahead
        if len(ahead) > max(1, len(held)):
            yield f"{node}: {len(ahead)} orders wait behind {len(held)}"


def overfull(node: Node) -> Iterator[str]:
    """Yield of what `node` has promised more than it has."""
    held, offer = list(node.held.values()), node.offer
    taken = {
        "cores": (sum(a.cores for a in held), offer.cores),
        "bytes of RAM": (sum(a.ram for a in held), offer.ram),
        "bytes of disk": (sum(a.disk for a in held), offer.disk),
    }
    for what, (used, most) in taken.items():
        if most is not None and used > most:
            yield f"{node.name}: {used} of {most} {what}"
    indices = [index for attempt in held for index in attempt.gpus]
    if len(indices) > len(set(indices)) or not set(indices) <= {g.index for g in offer.gpus}:
        yield f"{node.name}: devices {indices}"
    if len(node.ahead) > node.depth:
        yield f"{node.name}: {len(node.ahead)} orders wait there"


def orders_fit_their_machines(plan: Plan) -> Iterator[str]:
    """A task gets a machine that serves its needs, and of that all that it asked for."""
    for attempt in plan.born:
        step, node = attempt.task.step, plan.nodes[attempt.node_id]
        needs = plan.needs(step)
        why = obstacle(needs, step.work.engine, node.offer)
        if why is not None:
            yield f"{attempt.id} on {node.name}: {why}"
        elif not node.takes_work or _is_taken_out(node, plan.rows):
            yield f"{attempt.id} on {node.name}, which is {node.state}"
        elif attempt.cores < (needs.cores or 1) or attempt.ram < (needs.ram or 0):
            yield f"{attempt.id} got {attempt.cores} cores, {attempt.ram} bytes"
        elif not needs.whole_machine and (
            len(attempt.gpus) != needs.gpus
            or not set(attempt.gpus) <= set(devices(needs, node.offer.gpus))
        ):
            yield f"{attempt.id} got the devices {attempt.gpus}"


def _is_taken_out(node: Node, rows: Rows) -> bool:
    return node.id in rows.wishes and rows.wishes[node.id].wish is not NodeWish.RUN


def nothing_begins_before_what_it_waits_for(plan: Plan) -> Iterator[str]:
    """Steps, frames and jobs that something waits for are over; a person has approved it.

    A job that has been let go goes on while what it had waited for is tried again.
    """
    for step in plan.changes.steps.values():
        if step.open and not _was_let_go(step, plan):
            yield from _let_go_before(step, plan)
    for attempt in plan.born:
        step, job = attempt.task.step, attempt.task.step.job
        asked = plan.asked(job)
        if plan.spec(step).approval and not asked.approved:
            yield f"{attempt.id} of {step.spec.name} without approval"
        for after in plan.spec(step).after:
            yield from (
                f"{attempt.id} of {step.spec.name}, frame {ordinal}, before {after.step}"
                for ordinal in attempt.task.ordinals
                if not _is_over(job.step(after.step), after, ordinal, plan)
            )


def _let_go_before(step: Step, plan: Plan) -> Iterator[str]:
    job = step.job
    for before in plan.asked(job).spec.after:
        state = job.before.get(before.job_id)
        over = state is JobState.COMPLETED if before.must_succeed else state in _OVER
        if not over:
            yield f"{step.spec.name} of {job.id} before {before.job_id}, {state}"


def _was_let_go(step: Step, plan: Plan) -> bool:
    row = plan.rows.steps.get(step.id)
    return row is not None and row.state is not StepState.BLOCKED


def _is_over(before: Step, after: After, ordinal: int, plan: Plan) -> bool:
    if not after.each:
        done = {StepState.SUCCEEDED} if after.must_succeed else _ENDED
        return before.state in done
    delivered = {(d.attempt.task.step.id, d.result.ordinal) for d in plan.changes.delivered}
    rendered = (before.id, ordinal) in plan.rows.results or (before.id, ordinal) in delivered
    return rendered or (not after.must_succeed and ordinal in before.given_up)


_ENDED = {StepState.SUCCEEDED, StepState.FAILED, StepState.CANCELLED}


def no_limit_is_exceeded(plan: Plan) -> Iterator[str]:
    """Nothing is handed out beyond a limit; one that nobody has set lets nothing through."""
    taken: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in plan.held if plan.born else ():
        for name in attempt.task.step.job.spec.limits:
            taken[name].append(attempt)
    fresh = {id(attempt) for attempt in plan.born}
    for name, attempts in taken.items():
        new = [attempt for attempt in attempts if id(attempt) in fresh]
        if new and not _within(plan.policy, name, attempts, new):
            yield f"{name}: {len(attempts)} taken, {len(new)} of them now"


def _within(policy: Policy, name: str, taken: list[Attempt], new: list[Attempt]) -> bool:
    limit = policy.limits.get(name)
    if limit is None:
        return False
    if limit.scope is LimitScope.TASK:
        bounds = [limit.total, limit.scaling.maximum if limit.scaling else None]
        return all(bound is None or len(taken) <= bound for bound in bounds)
    before = {attempt.node_id for attempt in taken if all(attempt is not one for one in new)}
    nodes = {attempt.node_id for attempt in taken}
    return nodes <= before or limit.total is None or len(nodes) <= limit.total


def no_pool_is_beyond_its_ceiling(plan: Plan) -> Iterator[str]:
    """No more tasks run in a pool than its ceiling may ever be."""
    pools = {attempt.task.step.pool for attempt in plan.born} & plan.policy.pools.keys()
    for name in pools:
        scaling = plan.policy.pools[name].scaling
        used = sum(attempt.task.step.pool == name for attempt in plan.held)
        if scaling is not None and used > scaling.maximum:
            yield f"{name}: {used} tasks of {scaling.maximum}"


def no_burst_is_exceeded(plan: Plan) -> Iterator[str]:
    """Nobody is handed more cores than their burst; FIFO pools know no shares."""
    for attempt in plan.born:
        job = attempt.task.step.job
        for key in ((job.tenant_id, job.user), (job.tenant_id, None)):
            share = plan.policy.shares.get(key)
            if share is None or share.burst is None or job.spec.fifo:
                continue
            before = (other for other in plan.held if other.id <= attempt.id)  # ids sort by age
            if (used := cores_of(key, before)) > share.burst:
                yield f"{key} has {used} cores of {share.burst}"


def cores_of(key: tuple[str, str | None], held: Iterable[Attempt]) -> int:
    """Return the cores that a tenant, or a user of it, has."""
    return sum(
        attempt.cores
        for attempt in held
        if attempt.task.step.job.tenant_id == key[0]
        and key[1] in {None, attempt.task.step.job.user}
    )


def fifo_pools_keep_their_order(plan: Plan) -> Iterator[str]:
    """In a FIFO pool nothing of a job goes while something of an older one could.

    What may go to some machines only is left out: the next goes before it where it may not. So is
    what was ended in this very turn, for work of a higher priority: it did not wait before.
    """
    moved = (move.attempt for move in plan.changes.moved)
    ended = {id(a.task.step) for a in moved if a.state is AttemptState.CANCELLED}
    waiting = [step for step in plan.waiting if id(step) not in ended]
    for attempt in plan.born:
        job = attempt.task.step.job
        for step in waiting if job.spec.fifo else ():
            other = step.job
            since, others = plan.asked(job).created_at, plan.asked(other).created_at
            older = (others, other.id) < (since, job.id)
            same = other.spec.fifo and step.pool == attempt.task.step.pool and other is not job
            if older and same and not _is_choosy(step, plan.policy):
                yield f"{attempt.id} of {job.id} before {other.id}"


def _is_choosy(step: Step, policy: Policy) -> bool:
    by_machine = any(
        name in policy.limits and policy.limits[name].scope is LimitScope.MACHINE
        for name in step.job.spec.limits
    )
    return bool(step.waiting.failed or step.job.barred or by_machine)


OF_PLANS = (
    no_machine_is_promised_twice,
    orders_fit_their_machines,
    nothing_begins_before_what_it_waits_for,
    no_limit_is_exceeded,
    no_pool_is_beyond_its_ceiling,
    no_burst_is_exceeded,
    fifo_pools_keep_their_order,
)

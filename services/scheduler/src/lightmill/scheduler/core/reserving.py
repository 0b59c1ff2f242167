"""Keeping machines for wide tasks."""

from collections.abc import Iterable
from itertools import islice
from math import inf

from lightmill.domain.states import AttemptState
from lightmill.scheduler.core import attempts, preemption
from lightmill.scheduler.core.asking import demand_of
from lightmill.scheduler.core.demand import Demand
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.placing import Search
from lightmill.scheduler.core.reservation import AFTER_TICKS, MOST, Reservation
from lightmill.scheduler.core.state import OFFLINE_AFTER, FarmState
from lightmill.scheduler.core.work import Attempt, Step

_BEHIND = 0.8
"""Of the mean share: whoever has less, and finds no room, is owed a machine."""

_OWED_AT_ONCE = 4
"""Machines that are kept in one beat for who is owed one: its share is made up for soon."""

_MOST_LOOKS = 100
"""Machines of each kind that are compared: more would cost time and gain next to nothing."""


def reserve(farm: FarmState, blocked: Iterable[Step]) -> None:
    """Keep a machine for what found no room for too long, and reckon anew when it will be free.

    Steps in `blocked` stand in their order. With preemption, work of lower priority is ended for
    them at once.
    """
    steps = {demand_of(farm, step): step for step in blocked}
    for demand in farm.blocked.keys() - steps.keys():
        del farm.blocked[demand]
    _review(farm)
    lowest = preemption.lowest(farm)
    for demand, step in steps.items():
        since = max(farm.blocked.setdefault(demand, farm.tick), demand.served_at)
        if farm.policy.preemption and _preempt(farm, step, demand, lowest):
            continue
        starves = farm.tick - since >= AFTER_TICKS and _is_wide(demand)
        for _ in range(_OWED_AT_ONCE if _is_owed(farm, step) else starves):
            _keep_one(farm, step, demand, starves=starves)


def take_over(farm: FarmState) -> None:
    """Go on keeping the machines that an earlier leader kept for steps that still live."""
    steps = {step.id: step for job in farm.jobs.values() for step in job.steps}
    for node in farm.nodes.values():
        if node.reserved is None:
            continue
        step = steps.get(node.reserved.step_id)
        if step is None:
            node.reserved = None
        else:
            farm.reserved.setdefault(demand_of(farm, step), []).append(node)


def keep_no_longer(farm: FarmState, node: Node, demand: Demand) -> None:
    """Let `node`, which is kept for `demand`, take whatever comes."""
    nodes = farm.reserved[demand]
    nodes.remove(node)
    if not nodes:
        del farm.reserved[demand]
    node.reserved = None
    farm.changes.nodes[node.id] = node
    farm.fleet.look(node)


def _review(farm: FarmState) -> None:
    """Let go of machines that nobody waits for; reckon when the others are free."""
    wanted: dict[Demand, list[Step]] = {}
    for step in farm.queue.steps if farm.reserved else ():
        wanted.setdefault(demand_of(farm, step), []).append(step)
    for demand, nodes in list(farm.reserved.items()):
        for node in list(nodes):
            kept, waiting = node.reserved, wanted.get(demand, ())
            if kept is None or not _may_have(farm, waiting, kept) or _is_away(farm, node):
                keep_no_longer(farm, node, demand)
            else:
                free_in = _free_in(node, kept.cores, kept.ram)
                kept.free_at = min(kept.free_at, farm.seconds + free_in)


def _may_have(farm: FarmState, waiting: Iterable[Step], kept: Reservation) -> bool:
    """Tell whether a machine is kept for a step that stays within its burst there."""
    return any(farm.shares.allow(step.job, kept.cores) for step in waiting)


def _is_away(farm: FarmState, node: Node) -> bool:
    """Tell whether `node` takes no work; one that a new leader has not heard yet may well."""
    silent = node.heard_at is None and farm.tick <= OFFLINE_AFTER
    return node.kind is None and not silent


def _is_owed(farm: FarmState, step: Step) -> bool:
    """Tell whether its user falls behind because whatever comes free is too small for it."""
    if step.job.spec.fifo:
        return False
    own = farm.shares.of(step.job).user.standing
    others = [lane.accounts.user.standing for lane in farm.queue.lanes if lane.accounts]
    return own[1] < _BEHIND * sum(standing[1] for standing in others) / len(others)


def _is_wide(demand: Demand) -> bool:
    """Tell whether a task takes half of every machine that it fits, or several devices."""
    return demand.needs.gpus > 1 or all(
        demand.cores(kind) * 2 >= kind.offer.cores or demand.ram(kind) * 2 >= kind.offer.ram
        for kind in demand.kinds
    )


def _keep_one(farm: FarmState, step: Step, demand: Demand, *, starves: bool) -> None:
    """Keep the machine that is free first, unless enough are kept already.

    Only one on which smaller work runs: any other has room as soon as one task of it ends.
    """
    look = Search(farm, step, demand)
    fitting = [
        node
        for kind in look.kinds
        for node in islice(kind.nodes.values(), _MOST_LOOKS)
        if node.reserved is None
        and look.suits(node)
        and _runs_smaller(node, demand, starves=starves)
    ]
    kept = len(farm.reserved.get(demand, ()))
    if not fitting or kept >= min(MOST, (len(fitting) + kept + 1) // 2, len(step.waiting)):
        return
    cores, ram = _wanted(fitting[0], demand)
    node = min(fitting, key=lambda node: (_free_in(node, cores, ram), node.name))
    _keep(farm, node, step)


def _runs_smaller(node: Node, demand: Demand, *, starves: bool) -> bool:
    """Tell whether one task that ends there leaves too little: for what starves, of anything."""
    cores, ram = _wanted(node, demand)
    tasks = node.held.values()
    if starves:
        return any(held.cores < cores or held.ram < ram for held in tasks)
    return any(
        held.cores <= cores and held.ram <= ram and (held.cores, held.ram) != (cores, ram)
        for held in tasks
    )


def _keep(farm: FarmState, node: Node, step: Step) -> None:
    demand = demand_of(farm, step)
    cores, ram = _wanted(node, demand)
    free_at = farm.seconds + _free_in(node, cores, ram)
    node.reserved = Reservation(step.id, cores, ram, free_at)
    farm.changes.nodes[node.id] = node
    farm.reserved.setdefault(demand, []).append(node)
    for attempt in node.ahead.values():
        if attempt.state is AttemptState.ASSIGNED:
            attempts.recall(farm, attempt)
    farm.fleet.look(node)


def _wanted(node: Node, demand: Demand) -> tuple[int, int]:
    kind = node.kind
    return (0, 0) if kind is None else (demand.cores(kind), demand.ram(kind))


def _free_in(node: Node, cores: int, ram: int) -> float:
    """Return the seconds until `node` has so much free, if nothing else begins there."""
    free_cores, free_ram, seconds = node.free_cores, node.free_ram, 0.0
    for attempt in sorted(node.held.values(), key=_left):
        if free_cores >= cores and free_ram >= ram:
            break
        free_cores += attempt.cores
        free_ram += attempt.ram
        seconds = _left(attempt)
    return seconds


def _left(attempt: Attempt) -> float:
    """Return the seconds that `attempt` still takes, as far as its step has been measured."""
    timing = attempt.task.step.timing
    if not timing.count:
        return inf
    return timing.mean * len(attempt.task.remaining) * (1 - attempt.task.progress)


def _preempt(farm: FarmState, step: Step, demand: Demand, lowest: float) -> bool:
    """End work of lower priority where that costs least; tell whether a machine is kept."""
    if farm.reserved.get(demand):
        return True
    priority = step.job.priority
    if priority <= lowest:
        return False
    look = Search(farm, step, demand)
    found = [
        (victims, node)
        for kind in look.kinds
        for node in islice(kind.nodes.values(), _MOST_LOOKS)
        if node.reserved is None and look.suits(node)
        if (victims := preemption.victims(node, demand.cores(kind), demand.ram(kind), priority))
    ]
    if not found:
        return False
    victims, node = min(found, key=lambda one: (preemption.cost(one[0]), one[1].name))
    preemption.end(farm, victims, step.job)
    _keep(farm, node, step)
    return True

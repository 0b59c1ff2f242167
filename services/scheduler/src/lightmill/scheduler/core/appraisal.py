"""What machines are worth to the work that waits: which to spare, and what to keep free."""

from collections.abc import Iterable

from lightmill.scheduler.core.demand import Demand
from lightmill.scheduler.core.machine import Kind
from lightmill.scheduler.core.state import FarmState

_SPARED = 1e-6
"""Price of a device that a task does not need, while nothing waits for it."""


def appraise(farm: FarmState) -> None:
    """Set prices and what is kept free, when a beat has passed or something else is asked."""
    if not farm.restless and farm.appraised == farm.queue.version:
        return
    farm.appraised = farm.queue.version
    before = {kind: kind.least for kind in farm.fleet.kinds}
    for kind in farm.fleet.kinds:
        kind.price = _SPARED * len(kind.offer.gpus)
        kind.kept = kind.least = (0, 0)
    for demand, lanes in farm.queue.by_demand.items():
        frames = sum(len(s.waiting) for lane in lanes.values() for s in lane.steps.values())
        _raise_prices(demand, frames)
    _keep_devices(demand for demand in farm.queue.by_demand if _waits_for_devices(farm, demand))
    for kind in farm.fleet.kinds:
        if kind.least != before[kind]:
            for node in [node for nodes in kind.rooms.values() for node in nodes.values()]:
                farm.fleet.look(node)  # whether an order may wait there depends on it


def _raise_prices(demand: Demand, frames: int) -> None:
    """Note in every kind how much of `demand` there is for each core, and how small it is.

    The opportunity cost of a machine: work that fits everywhere makes all dearer alike, and so
    changes no choice; work that fits few machines makes those dear for all others.
    """
    supply = sum(len(kind.nodes) * kind.offer.cores for kind in demand.kinds)
    for kind in demand.kinds:
        cores, ram = kind.least
        kind.least = (
            min(cores or demand.cores(kind), demand.cores(kind)),
            min(ram or demand.ram(kind), demand.ram(kind)),
        )
        kind.price = round(kind.price + frames * demand.cores(kind) / supply, 6)


def _waits_for_devices(farm: FarmState, demand: Demand) -> bool:
    """Tell whether such work needs devices, and would take them were they free.

    For what waits by a limit or a burst nothing is kept: it may wait for long.
    """
    lanes = farm.queue.by_demand[demand].values() if demand.needs.gpus else ()
    return any(
        (step := lane.head) is not None
        and not any(counted.is_full(farm.now) for counted in farm.limits.of(step))
        and (lane.accounts is None or lane.accounts.may_add(demand.needs.cores or 1))
        for lane in lanes
    )


def _keep_devices(demands: Iterable[Demand]) -> None:
    """Keep cores and memory beside every free device for the work that waits for it."""
    for demand in demands:
        for kind in demand.kinds:
            cores, ram = kind.kept
            kind.kept = (max(cores, _each(demand, kind)), max(ram, _bytes(demand, kind)))


def _each(demand: Demand, kind: Kind) -> int:
    return -(-demand.cores(kind) // demand.needs.gpus)


def _bytes(demand: Demand, kind: Kind) -> int:
    return -(-demand.ram(kind) // demand.needs.gpus)

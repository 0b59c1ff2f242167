"""How the machines stand towards what a step asks, and how much of it they could do at once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lightmill.domain.policy import LimitScope
from lightmill.domain.resources import devices
from lightmill.domain.states import NodeState
from lightmill.scheduler.core.asking import demand_of
from lightmill.scheduler.core.demand import Demand
from lightmill.scheduler.core.machine import Kind
from lightmill.scheduler.core.outlook import Standing
from lightmill.scheduler.core.precedence import Precedence
from lightmill.scheduler.core.state import FarmState
from lightmill.scheduler.core.total import Total
from lightmill.scheduler.core.work import Step

_AWAY = {
    NodeState.QUARANTINED: Standing.QUARANTINED,
    NodeState.DRAINING: Standing.DRAINING,
    NodeState.DISABLED: Standing.DISABLED,
}


@dataclass(slots=True)
class _Group:
    """Kinds of machines that compete for work with one another, and what they have."""

    name: str
    kinds: list[Kind]
    total: Total = field(default_factory=Total)


@dataclass(slots=True)
class Census:
    """The machines as they stand at one moment, those that take no work among them.

    Attributes:
        away: Machines that take no work, by what they offer and how they stand.
        precedence: Who goes before whom.
    """

    farm: FarmState
    away: dict[int, tuple[Kind, Counter[Standing]]] = field(default_factory=dict)
    precedence: Precedence = field(init=False)
    _groups: dict[int, "_Group"] = field(default_factory=dict)
    _nodes: dict[Demand, Mapping[Standing, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.precedence = Precedence(self.farm.queue)
        fleet = self.farm.fleet
        working = sum(len(kind.nodes) for kind in fleet.kinds)
        for node in self.farm.nodes.values() if working < len(self.farm.nodes) else ():
            if node.kind is None:
                _, counts = self.away.setdefault(id(node.offer), (Kind(node.offer), Counter()))
                counts[_AWAY.get(node.state, Standing.OFFLINE)] += 1
        for kind in fleet.kinds:
            group = self._groups[id(kind)] = _Group(f"{len(self._groups)}", [kind])
            group.total.add(kind.offer, len(kind.nodes))
        for demand in fleet.demands:
            self._join(demand.kinds)

    def nodes(self, step: Step) -> Mapping[Standing, int]:
        """Return how the machines stand that could serve `step`."""
        demand = demand_of(self.farm, step)
        if step.job.barred:
            return self._count(demand, step)
        if demand not in self._nodes:
            self._nodes[demand] = self._count(demand)
        return self._nodes[demand]

    def _count(self, demand: Demand, step: Step | None = None) -> Mapping[Standing, int]:
        """Return how the machines stand towards what is asked; `step` is barred from some."""
        found: Counter[Standing] = Counter()
        for kind in demand.kinds:
            barred = 0 if step is None else _barred(step, kind)
            kept = self._kept(demand, kind)
            free = _with_room(demand, kind)
            spared = free - _with_room(demand, kind, spare=True)
            found[Standing.BARRED] += barred
            found[Standing.RESERVED] += kept + spared
            found[Standing.FREE] += max(0, free - spared - barred)
            found[Standing.BUSY] += max(0, len(kind.nodes) - free - kept - barred)
        for kind, counts in self.away.values():
            if demand.obstacle(kind) is None:
                found += counts
        return {standing: number for standing, number in found.items() if number}

    def obstacles(self, step: Step) -> Mapping[str, int]:
        """Return which needs of `step` rule out how many machines."""
        demand = demand_of(self.farm, step)
        found: Counter[str] = Counter()
        for kind in self.farm.fleet.kinds:
            found[demand.obstacle(kind) or ""] += len(kind.nodes)
        for kind, counts in self.away.values():
            found[demand.obstacle(kind) or ""] += counts.total()
        return {need: number for need, number in found.items() if need}

    def slots(self, step: Step) -> tuple[int, float]:
        """Return how many frames of `step` run at once at the most, and each one's share of all.

        The share is of the machines of its group.
        """
        demand = demand_of(self.farm, step)
        total = self._groups[id(demand.kinds[0])].total if demand.kinds else Total()
        slots = sum(_at_once(demand, kind) * len(kind.nodes) for kind in demand.kinds)
        for counted in self.farm.limits.of(step):
            if counted.limit.scope is LimitScope.TASK and counted.most is not None:
                slots = min(slots, counted.most)
        least = max(
            (
                max(demand.cores(kind) / max(1, total.cores), demand.ram(kind) / max(1, total.ram))
                for kind in demand.kinds
            ),
            default=1.0,
        )
        return slots, max(least, demand.needs.gpus / max(1, total.gpus))

    def group(self, step: Step) -> str:
        """Return the name of the machines that serve `step`, or serve what those serve."""
        kinds = demand_of(self.farm, step).kinds
        return self._groups[id(kinds[0])].name if kinds else ""

    def _join(self, kinds: Sequence[Kind]) -> None:
        """Make one group of all that serve these kinds' work."""
        for kind in kinds[1:]:
            one, other = self._groups[id(kinds[0])], self._groups[id(kind)]
            if one is not other:
                one.kinds += other.kinds
                one.total.cores += other.total.cores
                one.total.ram += other.total.ram
                one.total.gpus += other.total.gpus
                self._groups.update((id(k), one) for k in other.kinds)

    def _kept(self, demand: Demand, kind: Kind) -> int:
        """Return how many machines of `kind` are reserved for something else."""
        return sum(
            node.kind is kind
            for other, nodes in self.farm.reserved.items()
            if other is not demand
            for node in nodes
        )


def _barred(step: Step, kind: Kind) -> int:
    return sum(node.record.bars(step.job.id) for node in kind.nodes.values())


def _with_room(demand: Demand, kind: Kind, *, spare: bool = False) -> int:
    """Return on how many machines a task fits now; `spare` keeps free what devices need."""
    cores, ram = kind.kept if spare and not demand.needs.gpus else (0, 0)
    return sum(
        len(nodes)
        for (free_cores, free_ram, free_gpus, free_disk), nodes in kind.rooms.items()
        if free_cores >= demand.cores(kind) + cores * free_gpus
        and free_ram >= demand.ram(kind) + ram * free_gpus
        and free_gpus >= demand.needs.gpus
        and free_disk >= demand.needs.disk
    )


def _at_once(demand: Demand, kind: Kind) -> int:
    """Return how many tasks one idle machine runs at once."""
    bounds = [kind.offer.cores // max(1, demand.cores(kind))]
    if demand.ram(kind):
        bounds.append(kind.offer.ram // demand.ram(kind))
    if demand.needs.gpus:
        bounds.append(len(devices(demand.needs, kind.offer.gpus)) // demand.needs.gpus)
    if demand.needs.disk and kind.offer.disk is not None:
        bounds.append(kind.offer.disk // demand.needs.disk)
    return min(bounds)

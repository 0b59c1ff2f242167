"""Where a task goes: to the machine that other work can spare most easily."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import inf

from lightmill.domain.policy import LimitScope
from lightmill.scheduler.core.chunks import chunk_of
from lightmill.scheduler.core.demand import Demand
from lightmill.scheduler.core.kind import Kind
from lightmill.scheduler.core.machine import Grant, Node, Room, Soon
from lightmill.scheduler.core.state import FarmState
from lightmill.scheduler.core.work import Step

_WARM_LOOKS = 8
"""Machines with the scene open that are looked at before another is taken."""

_HAIR = 1e-9
"""What rounding may make of two shares that are equal."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task goes: at once, or `ahead`, to wait there behind running work.

    Attributes:
        anyway: It goes there although a frame of it failed there: no other machine fits.
    """

    node: Node
    grant: Grant
    ahead: bool = False
    anyway: bool = False


class Search:
    """Looks for a place for the next task of one step.

    Args:
        anyway: Whether machines on which it failed will do.
    """

    def __init__(
        self, farm: FarmState, step: Step, demand: Demand, *, anyway: bool = False
    ) -> None:
        self._farm = farm
        self._demand = demand
        self._job_id = step.job.id
        self._fifo = step.job.spec.fifo
        self._anyway = anyway
        self._avoided = (
            None if anyway or not step.waiting.failed else step.waiting.avoided(farm.now)
        )
        self._barred = step.job.barred and not anyway
        self._seconds = step.timing.mean * chunk_of(step) if step.timing.count else inf
        self._machine_limits = [
            counted
            for counted in farm.limits.of(step)
            if counted.limit.scope is LimitScope.MACHINE
        ]

    @property
    def choosy(self) -> bool:
        """Whether there are machines to which the task may not go although it fits there."""
        return bool(self._avoided or self._barred or self._machine_limits)

    def place(self) -> Place | None:
        """Return where the task goes, or None when nowhere."""
        return self._reserved() or self._now() or self._backfill() or self._behind()

    def has_hope(self) -> bool:
        """Tell whether any machine, free or not, may take the task."""
        nodes = (node for kind in self._demand.kinds for node in kind.nodes.values())
        return any(self.suits(node) for node in nodes)

    def free(self) -> Iterator[Node]:
        """Yield the machines on which the task could begin at once."""
        for kind in self._demand.kinds:
            for room in self._rooms(kind):
                for node in kind.rooms[room].values():
                    if self.suits(node) and self.grant(node, kind) is not None:
                        yield node

    def here(self, node: Node, *, ahead: bool) -> Place | None:
        """Return the place that the task would have on this very node, or None."""
        kind = self._farm.fleet.kind_of(node)
        if kind is None or kind not in self._demand.kinds or not self.suits(node):
            return None
        wanted = (self._demand.cores(kind), self._demand.ram(kind))
        if ahead:
            waits = not self._demand.needs.gpus and kind.kept == (0, 0)
            fits = waits and node.soon is not None and _covers(node.soon, wanted)
            return self._ahead(node) if fits else None
        if node.room is None or node.room not in self._rooms(kind):
            return None
        grant = self.grant(node, kind)
        return None if grant is None else Place(node, grant)

    def suits(self, node: Node) -> bool:
        """Tell whether the task may go to `node`, free or not."""
        if node.id == self._avoided or (self._barred and node.record.bars(self._job_id)):
            return False
        if not self._machine_limits:
            return True
        now = self._farm.now
        return all(counted.serves(node.id, now) for counted in self._machine_limits)

    def grant(self, node: Node, kind: Kind) -> Grant | None:
        """Return what the task would get on `node` now, or None."""
        demand = self._demand
        return node.grant(demand.needs, demand.cores(kind), demand.ram(kind))

    def _grant_if_suits(self, node: Node) -> Grant | None:
        kind = self._farm.fleet.kind_of(node)
        fits = kind is not None and kind in self._demand.kinds and self.suits(node)
        return self.grant(node, kind) if kind is not None and fits else None

    def _reserved(self) -> Place | None:
        """Return a machine that is kept for such a task and is free by now."""
        for node in self._farm.reserved.get(self._demand, ()):
            grant = self._grant_if_suits(node)
            if grant is not None:
                return Place(node, grant, anyway=self._anyway)
        return None

    def _backfill(self) -> Place | None:
        """Return a machine that is kept for a wide task, and free for longer than this lasts."""
        for demand, nodes in self._farm.reserved.items():
            for node in nodes if demand is not self._demand else ():
                kept = node.reserved
                if kept is None or self._farm.seconds + self._seconds > kept.free_at:
                    continue
                grant = self._grant_if_suits(node)
                if grant is not None:
                    return Place(node, grant, anyway=self._anyway)
        return None

    def _now(self) -> Place | None:
        """Return the cheapest machine with room, the emptiest of those that cost the same.

        One that has the scene open is taken unless another is emptier by more than this task.
        """
        best: Node | None = None
        best_price, best_free = 0.0, 0.0
        for kind in self._demand.kinds:
            if not kind.rooms or (best is not None and kind.price > best_price):
                continue
            for room in self._rooms(kind):
                free = self._freedom(room, kind)
                if best is not None and kind.price == best_price and free <= best_free:
                    continue
                node = self._first(kind, room)
                if node is not None:
                    best, best_price, best_free = node, kind.price, free
        if best is None:
            return None
        node = self._warm(best_price, best_free) or best
        grant = self._grant_if_suits(node)
        return None if grant is None else Place(node, grant, anyway=self._anyway)

    def _rooms(self, kind: Kind) -> Iterator[Room]:
        """Yield what is free on machines of `kind` where the task fits by number."""
        demand = self._demand
        cores, ram = demand.cores(kind), demand.ram(kind)
        gpus, disk = demand.needs.gpus, demand.needs.disk
        kept_cores, kept_ram = (0, 0) if gpus else kind.kept
        for room in kind.rooms:
            if (
                room[0] >= cores + kept_cores * room[2]
                and room[1] >= ram + kept_ram * room[2]
                and room[2] >= gpus
                and room[3] >= disk
            ):
                yield room

    def _freedom(self, room: Room, kind: Kind) -> float:
        """Return the free share of what the task needs most of there (Tetris' alignment)."""
        offer = kind.offer
        cores = self._demand.cores(kind) / offer.cores
        ram = self._demand.ram(kind) / offer.ram if offer.ram else 0.0
        free_ram = room[1] / offer.ram if offer.ram else 0.0
        weight = cores + ram
        return (cores * room[0] / offer.cores + ram * free_ram) / weight if weight else 1.0

    def _one(self, kind: Kind) -> float:
        """Return by how much this task makes a machine less free, but for a hair of rounding."""
        cores = self._demand.cores(kind) / kind.offer.cores
        ram = self._demand.ram(kind) / kind.offer.ram if kind.offer.ram else 0.0
        return (cores * cores + ram * ram) / (cores + ram) - _HAIR

    def _first(self, kind: Kind, room: Room) -> Node | None:
        for node in kind.rooms[room].values():
            if self.suits(node) and self.grant(node, kind) is not None:
                return node
        return None

    def _warm(self, price: float, free: float) -> Node | None:
        """Return a machine with the scene open that does nearly as well as the best."""
        for node in islice(self._farm.fleet.warm(self._job_id), _WARM_LOOKS):
            kind, room = self._farm.fleet.kind_of(node), node.room
            if kind is None or room is None or kind not in self._demand.kinds:
                continue
            near = kind.price <= price and self._freedom(room, kind) > free - self._one(kind)
            fits = near and room in self._rooms(kind) and self.suits(node)
            if fits and self.grant(node, kind) is not None:
                return node
        return None

    def _behind(self) -> Place | None:
        """Return a busy machine on which the task may wait.

        Tasks with devices never wait on a node: which come free is not known before. Nor do
        those of a FIFO pool: one that waits could start after a younger one elsewhere.
        """
        if self._fifo or self._demand.needs.gpus:
            return None
        return next(map(self._ahead, filter(self.suits, self._busy())), None)

    def _busy(self) -> Iterator[Node]:
        """Yield machines on which one more order may wait: first those with the scene open.

        Only those where it can begin as soon as any one task ends: nothing else is handed out
        behind an order that waits, so one that waited for more would keep free what others need.
        """
        kinds = {
            kind: (self._demand.cores(kind), self._demand.ram(kind))
            for kind in self._demand.kinds
            if kind.behind and kind.kept == (0, 0)
        }
        if not kinds:
            return
        for node in islice(self._farm.fleet.warm(self._job_id), _WARM_LOOKS):
            kind = self._farm.fleet.kind_of(node)
            if kind in kinds and node.soon is not None and _covers(node.soon, kinds[kind]):
                yield node
        for kind in sorted(kinds, key=_price):
            for soon, nodes in kind.behind.items():
                if _covers(soon, kinds[kind]):
                    yield from nodes.values()

    def _ahead(self, node: Node) -> Place:
        demand, kind = self._demand, self._farm.fleet.kind_of(node)
        if kind is None:
            raise ValueError(f"node {node.name} takes no work")
        grant = Grant(demand.cores(kind), demand.ram(kind), (), demand.needs.disk)
        return Place(node, grant, ahead=True, anyway=self._anyway)


def _covers(soon: Soon, wanted: Soon) -> bool:
    return soon[0] >= wanted[0] and soon[1] >= wanted[1]


def _price(kind: Kind) -> float:
    return kind.price


def search(farm: FarmState, step: Step, demand: Demand) -> Place | None:
    """Return where the next task of `step` goes, or None when nowhere now.

    What failed on every machine that could take it goes to any of them.
    """
    look = Search(farm, step, demand)
    place = look.place()
    if place is None and look.choosy and not look.has_hope():
        return Search(farm, step, demand, anyway=True).place()
    return place


def is_choosy(farm: FarmState, step: Step, demand: Demand) -> bool:
    """Tell whether there is room for `step`, but not where it may go."""
    choosy = Search(farm, step, demand).choosy
    return choosy and Search(farm, step, demand, anyway=True).place() is not None

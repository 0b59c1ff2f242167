"""Where a task goes: to the machine that other work can spare most easily."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from math import inf
from operator import attrgetter

from lightmill.scheduler.core.ask import NOTHING_KEPT, Grant, Room
from lightmill.scheduler.core.chunks import chunk_of
from lightmill.scheduler.core.demand import Demand
from lightmill.scheduler.core.fleet import Best
from lightmill.scheduler.core.machine import Kind, Node
from lightmill.scheduler.core.state import FarmState
from lightmill.scheduler.core.work import Step

_WARM_LOOKS = 8
"""Machines with the scene open that are looked at before another is taken."""

_BREATH = 0.1
"""In seconds: what can pass between the end of a task and the order that follows from it."""

_SHORTEST = 0.001
"""In seconds: what the shortest task is taken for."""

_PRICE = attrgetter("price")

_BRISK = 10.0
"""In seconds. A machine idles some hundredths of a second until its next order comes: of a longer
task that is nothing, while an order that waits for one keeps to a machine that may come free late.
"""


@dataclass(slots=True)
class Place:
    """Where a task goes: at once, or `ahead`, to wait there behind running work.

    Attributes:
        anyway: It goes there although a frame of it failed there: no other machine fits.
    """

    node: Node
    grant: Grant
    anyway: bool = False
    ahead: bool = False


class Search:
    """Looks for a place for the next task of one step.

    Args:
        anyway: Whether machines on which it failed will do.
        anywhere: Whether those will do, too, on which its limits allow no more of it.

    Attributes:
        choosy: Whether there are machines to which the task may not go although it fits there.
        plain: Whether what is handed out in this turn can change nothing of that, nor of `kinds`.
        kinds: Machines on which the task fits and stays within the burst of its owner: a task
            that takes whole machines may have smaller ones only.
    """

    __slots__ = (
        *("_anyway", "_asks", "_avoided", "_barred", "_demand", "_farm", "_full", "_step"),
        *("choosy", "kinds", "plain"),
    )

    def __init__(
        self,
        farm: FarmState,
        step: Step,
        demand: Demand,
        *,
        anyway: bool = False,
        anywhere: bool = False,
    ) -> None:
        self._farm, self._step, self._demand, self._anyway = farm, step, demand, anyway
        self._asks, self.kinds = demand.asks, demand.kinds
        self._full = () if anywhere else farm.limits.full_machines(step, farm.now)
        failed, barred = step.waiting.failed, step.job.barred
        self._avoided = step.waiting.avoided(farm.now) if failed and not anyway else None
        self._barred = barred and not anyway
        self.choosy = bool(self._avoided or self._barred or self._full)
        self.plain = not (failed or barred or step.bounds.machines or demand.whole)
        if demand.whole:
            allow = farm.shares.allow
            self.kinds = [k for k in demand.kinds if allow(step.job, demand.cores(k))]

    def place(self) -> Place | None:
        """Return where the task goes, or None when nowhere."""
        if not self._farm.reserved:
            return self._now() or self._behind()
        return self._reserved() or self._now() or self._backfill() or self._behind()

    def has_hope(self) -> bool:
        """Tell whether any machine, free or not, may take the task."""
        nodes = (node for kind in self._demand.kinds for node in kind.nodes.values())
        return any(self.suits(node) for node in nodes)

    def free(self) -> Iterator[Node]:
        """Yield the machines on which the task could begin at once."""
        for kind in self.kinds:
            for room in self._rooms(kind):
                for node in kind.rooms[room].values():
                    if self.suits(node) and node.grant(self._asks[kind]) is not None:
                        yield node

    def here(self, node: Node, *, ahead: bool) -> Place | None:
        """Return the place that the task would have on this very node, or None."""
        kind = node.kind
        if kind is None or kind not in self.kinds or not self.suits(node):
            return None
        if ahead:
            return self._ahead(node, kind) if self._may_go_ahead() else None
        ask = self._asks[kind]
        if node.room is None or not ask.fits(node.room, NOTHING_KEPT if ask.gpus else kind.kept):
            return None
        grant = node.grant(ask)
        return None if grant is None else Place(node, grant)

    def suits(self, node: Node) -> bool:
        """Tell whether the task may go to `node`, free or not."""
        if not self.choosy:
            return True
        if node.id == self._avoided or (self._barred and node.record.bars(self._step.job.id)):
            return False
        node_id, now = node.id, self._farm.now
        return not [counted for counted in self._full if not counted.serves(node_id, now)]

    def _grant_if_suits(self, node: Node) -> Grant | None:
        kind = node.kind
        fits = kind is not None and kind in self.kinds and self.suits(node)
        return node.grant(self._asks[kind]) if kind is not None and fits else None

    def _reserved(self) -> Place | None:
        """Return a machine that is kept for such a task and is free by now."""
        for node in self._farm.reserved.get(self._demand, ()):
            grant = self._grant_if_suits(node)
            if grant is not None:
                return Place(node, grant, self._anyway)
        return None

    def _backfill(self) -> Place | None:
        """Return a machine that is kept for a wide task, and free for longer than this lasts."""
        until = self._farm.seconds + self._seconds()
        for demand, nodes in self._farm.reserved.items():
            for node in nodes if demand is not self._demand else ():
                kept = node.reserved
                if kept is None or until > kept.free_at:
                    continue
                grant = self._grant_if_suits(node)
                if grant is not None:
                    return Place(node, grant, self._anyway)
        return None

    def _seconds(self) -> float:
        """Return how long the task takes, as far as its step has been measured."""
        timing = self._step.timing
        return timing.mean * chunk_of(self._step) if timing.count else inf

    def _now(self) -> Place | None:
        """Return the cheapest machine with room, the emptiest of those that cost the same.

        One that has the scene open is taken unless another is emptier by more than this task.
        What was best stays so while nothing comes free: a turn looks anew only once it is used.
        It is remembered for whoever asks alike, so it may be too large for this owner's burst.
        """
        best = self._farm.fleet.best(self._demand)
        if best is None or best.room not in best.kind.rooms:
            best = self._best()
            if best is None:
                return None
            self._farm.fleet.note_best(self._demand, best)
        place = self._warm(best) or self._first(best.kind, best.room)
        if place is None and self._picky:
            best = self._best(whole=False)
            if best is not None:
                place = self._warm(best) or self._first(best.kind, best.room)
        return place

    @property
    def _picky(self) -> bool:
        """Whether a machine with room enough may still not do: for its devices, or its record."""
        return self.choosy or self._demand.whole or self._demand.needs.gpus > 0

    def _best(self, *, whole: bool = True) -> Best | None:
        """Return where it costs least; with `whole`, whatever machine of those it is."""
        found: Best | None = None
        for kind in self.kinds:
            if not kind.rooms or (found is not None and kind.price > found.kind.price):
                continue
            ask = self._asks[kind]
            rooms = kind.rooms if whole else self._suiting(kind)
            than = -inf if found is None or kind.price < found.kind.price else found.free
            room = ask.freest(rooms, NOTHING_KEPT if ask.gpus else kind.kept, than)
            if room is not None:
                found = Best(kind, room, ask.freedom(room))
        return found

    def _suiting(self, kind: Kind) -> Iterator[Room]:
        """Yield what is free on machines of `kind` of which one at least will do."""
        return (room for room in kind.rooms if self._first(kind, room) is not None)

    def _rooms(self, kind: Kind) -> Iterator[Room]:
        """Yield what is free on machines of `kind` where the task fits by number."""
        ask = self._asks[kind]
        kept = NOTHING_KEPT if ask.gpus else kind.kept
        return (room for room in kind.rooms if ask.fits(room, kept))

    def _first(self, kind: Kind, room: Room) -> Place | None:
        ask = self._asks[kind]
        anyone = not self.choosy
        for node in kind.rooms[room].values() if kind in self.kinds else ():
            if (anyone or self.suits(node)) and (grant := node.grant(ask)) is not None:
                return Place(node, grant, self._anyway)
        return None

    def _warm(self, best: Best) -> Place | None:
        """Return a machine with the scene open that does nearly as well as the best."""
        for node in islice(self._farm.fleet.warm(self._step.job.id), _WARM_LOOKS):
            kind, room = node.kind, node.room
            if kind is None or room is None or kind not in self.kinds:
                continue
            ask = self._asks[kind]
            if kind.price > best.kind.price or ask.freedom(room) <= best.free - ask.step:
                continue
            fits = ask.fits(room, NOTHING_KEPT if ask.gpus else kind.kept)
            grant = node.grant(ask) if fits and self.suits(node) else None
            if grant is not None:
                return Place(node, grant, self._anyway)
        return None

    def _behind(self) -> Place | None:
        """Return a busy machine on which the task may wait: first those with the scene open.

        Only those where it can begin as soon as any one task ends: nothing else is handed out
        behind an order that waits, so one that waited for more would keep free what others need.
        """
        if not self._may_go_ahead():
            return None
        for node in islice(self._farm.fleet.warm_busy(self._step.job.id), _WARM_LOOKS):
            kind = node.kind
            if kind in self.kinds and self.suits(node):
                place = self._ahead(node, kind)
                if place is not None:
                    return place
        busy = [kind for kind in self.kinds if kind.behind and kind.kept == NOTHING_KEPT]
        for kind in sorted(busy, key=_PRICE):
            for node in islice(self._busy(kind), _WARM_LOOKS):
                place = self._ahead(node, kind)
                if place is not None:
                    return place
        return None

    def _may_go_ahead(self) -> bool:
        """Tell whether the task may wait on a node; not one that is known to be long.

        Tasks with devices never do: which come free is not known before. Nor do those of a FIFO
        pool: one that waits could start after a younger one elsewhere.
        """
        exempt = self._step.job.spec.fifo or self._demand.needs.gpus
        return not exempt and (not self._step.timing.count or self._seconds() <= _BRISK)

    def _busy(self, kind: Kind) -> Iterator[Node]:
        ask = self._asks[kind]
        cores, ram, disk = ask.cores, ask.ram, ask.disk
        for soon, nodes in kind.behind.items():
            if soon[0] >= cores and soon[1] >= ram:
                yield from (n for n in nodes.values() if n.free_disk >= disk and self.suits(n))

    def _ahead(self, node: Node, kind: Kind) -> Place | None:
        soon, ask = node.soon, self._asks[kind]
        if soon is None or kind.kept != NOTHING_KEPT:
            return None
        # The end of a task is not sure to free disk: what it asks for has to be free already.
        disk = ask.disk
        if node.ahead:
            waiting = node.ahead.values()
            if len(waiting) >= depth(self._step, node):
                return None
            if any((one.cores, one.ram) != (ask.cores, ask.ram) for one in waiting):
                return None
            disk += sum(one.disk for one in waiting)
        if soon[0] < ask.cores or soon[1] < ask.ram or node.free_disk < disk:
            return None
        return Place(node, ask.grant, self._anyway, ahead=True)


def depth(step: Step, node: Node) -> int:
    """Return how many orders may wait on `node` behind such tasks as those of `step`.

    As many as end before the answer to their ends could bring others: one, unless they are very
    short.
    """
    timing = step.timing
    if not timing.count:
        return 1
    ends = len(node.held) * _BREATH / max(timing.mean * chunk_of(step), _SHORTEST)
    return max(1, min(len(node.held), int(ends)))


@dataclass(slots=True)
class Searches:
    """Looks for places throughout one turn, in which nothing fails and nobody decrees."""

    farm: FarmState
    _plain: dict[str, Search] = field(default_factory=dict)

    def place(self, step: Step, demand: Demand) -> Place | None:
        """Return where the next task of `step` goes, or None when nowhere now.

        What failed on every machine that could take it goes to any of them.
        """
        look = self._plain.get(step.id) or self._search(step, demand)
        place = look.place()
        if place is None and look.choosy and not look.has_hope():
            return Search(self.farm, step, demand, anyway=True).place()
        return place

    def _search(self, step: Step, demand: Demand) -> Search:
        look = Search(self.farm, step, demand)
        if look.plain:
            self._plain[step.id] = look
        return look


def is_choosy(farm: FarmState, step: Step, demand: Demand) -> bool:
    """Tell whether there is room for `step`, but not where it may go."""
    choosy = Search(farm, step, demand).choosy
    if not choosy:
        return False
    return Search(farm, step, demand, anyway=True, anywhere=True).place() is not None

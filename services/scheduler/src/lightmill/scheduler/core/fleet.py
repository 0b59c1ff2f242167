"""The machines that take work, grouped by what they offer and by what is free on them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakValueDictionary

from lightmill.domain.resources import Needs, Offer
from lightmill.scheduler.core.ask import Room, Soon
from lightmill.scheduler.core.demand import Demand
from lightmill.scheduler.core.machine import Kind, Node, Place
from lightmill.scheduler.core.total import Total

_NONE: Place = {}


@dataclass(slots=True)
class Best:
    """Machines on which a task of some demand costs least at present: all with as much free.

    Attributes:
        free: How free they are in its eyes.
    """

    kind: Kind
    room: Room
    free: float


class Fleet:
    """Knows which machines have room, and which kinds meet which demand.

    `look` is to be called after anything about a node has changed.

    Attributes:
        total: What all machines that take work have.
    """

    def __init__(self) -> None:
        self.total = Total()
        self._kinds: dict[object, Kind] = {}
        self._demands: WeakValueDictionary[tuple[str, Needs, int], Demand] = WeakValueDictionary()
        self._warm: dict[str, Place] = {}
        self._warm_busy: dict[str, Place] = {}
        self._best: dict[Demand, Best] = {}

    @property
    def kinds(self) -> Iterable[Kind]:
        """Return what machines there are."""
        return self._kinds.values()

    @property
    def demands(self) -> Iterable[Demand]:
        """Return everything that is asked for by somebody."""
        return list(self._demands.values())

    @property
    def open(self) -> bool:
        """Whether any machine takes another order."""
        return any(kind.open for kind in self._kinds.values())

    def demand(self, engine: str, needs: Needs, least_ram: int = 0) -> Demand:
        """Return what such tasks ask; the same object for all that ask alike."""
        key = (engine, needs, least_ram)
        demand = self._demands.get(key)
        if demand is None:
            demand = self._demands[key] = Demand(needs, engine, least_ram)
            demand.kinds = [k for k in self._kinds.values() if demand.obstacle(k) is None]
        return demand

    def look(self, node: Node) -> None:
        """Bring the place of `node` up to date."""
        if self._best:
            self._best.clear()
        kind = node.kind
        if kind is None or kind.offer is not node.offer or not node.takes_work:
            self._regroup(node)
        self.fill(node)

    def fill(self, node: Node) -> None:
        """Bring the place of `node` up to date, of which nothing but less is free than before."""
        kind = node.kind
        if kind is None:
            return
        room = soon = None
        if node.reserved is None and len(node.ahead) < node.depth:
            room, soon = _free(node, kind)
            if node.ahead:
                room = None
        if room != node.room:
            _move(kind.rooms, node, node.room, room)
            node.room = room
        if soon != node.soon:
            _move(kind.behind, node, node.soon, soon)
            node.soon = soon
        warm = node.warm if room else None
        if warm != node.warm_for:
            _move(self._warm, node, node.warm_for, warm)
            node.warm_for = warm
        warm = node.warm if soon else None
        if warm != node.warm_soon:
            _move(self._warm_busy, node, node.warm_soon, warm)
            node.warm_soon = warm

    def best(self, demand: Demand) -> Best | None:
        """Return where a task cost least when that was looked for, if nothing came free since."""
        return self._best.get(demand)

    def note_best(self, demand: Demand, best: Best) -> None:
        """Keep in mind where a task costs least."""
        self._best[demand] = best

    def forget_best(self) -> None:
        """Have it looked for again where tasks cost least."""
        if self._best:
            self._best.clear()

    def warm(self, job_id: str) -> Iterable[Node]:
        """Return the machines that worked on this job last and have room."""
        return self._warm.get(job_id, _NONE).values()

    def warm_busy(self, job_id: str) -> Iterable[Node]:
        """Return the machines that worked on this job last and may take one order more."""
        return self._warm_busy.get(job_id, _NONE).values()

    def _regroup(self, node: Node) -> None:
        """Count `node` among its like, or nowhere while it takes no work."""
        kind = self._kind(node) if node.takes_work else None
        if kind is not node.kind:
            self._leave(node)
            self._join(node, kind)

    def _kind(self, node: Node) -> Kind:
        key = _key(node.offer)
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = Kind(node.offer)
            for demand in self._demands.values():
                if demand.obstacle(kind) is None:
                    demand.kinds.append(kind)
        node.offer = kind.offer
        return kind

    def _join(self, node: Node, kind: Kind | None) -> None:
        node.kind = kind
        if kind is not None:
            kind.nodes[node.id] = node
            self.total.add(kind.offer, 1)

    def _leave(self, node: Node) -> None:
        kind, node.kind = node.kind, None
        if kind is None:
            return
        _move(kind.rooms, node, node.room, None)
        _move(kind.behind, node, node.soon, None)
        _move(self._warm, node, node.warm_for, None)
        _move(self._warm_busy, node, node.warm_soon, None)
        node.room = node.soon = node.warm_for = node.warm_soon = None
        del kind.nodes[node.id]
        self.total.add(kind.offer, -1)
        if not kind.nodes:
            self._drop(kind)

    def _drop(self, kind: Kind) -> None:
        del self._kinds[_key(kind.offer)]
        for demand in self._demands.values():
            demand.drop(kind)


_Key = TypeVar("_Key")


def _move(places: dict[_Key, Place], node: Node, was: _Key | None, becomes: _Key | None) -> None:
    """Keep `node` elsewhere in `places`; None is nowhere."""
    if was is not None:
        there = places[was]
        del there[node.id]
        if not there:
            del places[was]
    if becomes is not None:
        if becomes in places:
            places[becomes][node.id] = node
        else:
            places[becomes] = {node.id: node}


def _free(node: Node, kind: Kind) -> tuple[Room | None, Soon | None]:
    """Return what is free on `node` now, and once its smallest task ends; None: nothing may begin.

    What could begin there at once must not wait behind an order that cannot.
    """
    cores, ram = node.free_cores, node.free_ram
    room = (cores, ram, len(node.free_gpus), node.free_disk) if cores > 0 else None
    least_cores, least_ram = kind.least
    if not node.held or (cores >= least_cores > 0 and ram >= least_ram):
        return room, None
    least_cores, least_ram = node.least
    return room, (cores + least_cores, ram + least_ram)


def _key(offer: Offer) -> object:
    return (
        offer.cores,
        offer.ram,
        offer.disk,
        offer.gpus,
        tuple(sorted(offer.engines.items())),
        offer.pools,
        offer.tags,
        offer.os,
        offer.sandbox,
    )

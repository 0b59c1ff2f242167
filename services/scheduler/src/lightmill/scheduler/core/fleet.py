"""The machines that take work, grouped by what they offer and by what is free on them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from weakref import WeakValueDictionary

from lightmill.domain.resources import Needs, Offer
from lightmill.scheduler.core.demand import Demand
from lightmill.scheduler.core.kind import Kind, Place
from lightmill.scheduler.core.machine import Node, Room, Soon


@dataclass(slots=True)
class Total:
    """What all machines that take work have; `ram` in bytes."""

    cores: int = 0
    ram: int = 0
    gpus: int = 0

    def add(self, offer: Offer, sign: int) -> None:
        """Count a machine that comes (1) or goes (-1)."""
        self.cores += sign * offer.cores
        self.ram += sign * offer.ram
        self.gpus += sign * len(offer.gpus)


class Fleet:
    """Knows which machines have room, and which kinds meet which demand.

    `look` is to be called after anything about a node has changed.
    """

    def __init__(self) -> None:
        self.total = Total()
        self._kinds: dict[object, Kind] = {}
        self._kind_of: dict[str, Kind] = {}
        self._demands: WeakValueDictionary[tuple[str, Needs, int], Demand] = WeakValueDictionary()
        self._warm: dict[str, Place] = {}
        self._warm_for: dict[str, str] = {}  # node to job, as `_warm` has it

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
        kind = self._kind(node) if node.takes_work else None
        if kind is not self._kind_of.get(node.id):
            self._leave(node)
            self._join(node, kind)
        if kind is None:
            return
        room = _room(node)
        if room != node.room:
            self._clear(node, kind)
            if room is not None:
                kind.rooms.setdefault(room, {})[node.id] = node
                node.room = room
        soon = _soon(node, kind)
        if soon != node.soon:
            self._clear_soon(node, kind)
            if soon is not None:
                kind.behind.setdefault(soon, {})[node.id] = node
                node.soon = soon
        self._note_warm(node)

    def kind_of(self, node: Node) -> Kind | None:
        """Return the kind of `node`, or None while it takes no work."""
        return self._kind_of.get(node.id)

    def warm(self, job_id: str) -> Iterator[Node]:
        """Yield the machines that worked on this job last and take another order."""
        yield from self._warm.get(job_id, {}).values()

    def _kind(self, node: Node) -> Kind:
        present = self._kind_of.get(node.id)
        if present is not None and present.offer is node.offer:
            return present
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
        if kind is not None:
            self._kind_of[node.id] = kind
            kind.nodes[node.id] = node
            self.total.add(kind.offer, 1)

    def _leave(self, node: Node) -> None:
        kind = self._kind_of.pop(node.id, None)
        if kind is None:
            return
        self._clear(node, kind)
        self._clear_soon(node, kind)
        del kind.nodes[node.id]
        self.total.add(kind.offer, -1)
        self._cool(node)
        if not kind.nodes:
            self._drop(kind)

    def _drop(self, kind: Kind) -> None:
        del self._kinds[_key(kind.offer)]
        for demand in self._demands.values():
            if kind in demand.kinds:
                demand.kinds.remove(kind)

    def _clear(self, node: Node, kind: Kind) -> None:
        room, node.room = node.room, None
        if room is not None:
            there = kind.rooms[room]
            del there[node.id]
            if not there:
                del kind.rooms[room]

    def _clear_soon(self, node: Node, kind: Kind) -> None:
        soon, node.soon = node.soon, None
        if soon is not None:
            there = kind.behind[soon]
            del there[node.id]
            if not there:
                del kind.behind[soon]

    def _note_warm(self, node: Node) -> None:
        takes = node.warm if node.room is not None or not node.ahead else None
        if self._warm_for.get(node.id) != takes:
            self._cool(node)
            if takes is not None:
                self._warm.setdefault(takes, {})[node.id] = node
                self._warm_for[node.id] = takes

    def _cool(self, node: Node) -> None:
        job_id = self._warm_for.pop(node.id, None)
        if job_id is not None:
            there = self._warm[job_id]
            del there[node.id]
            if not there:
                del self._warm[job_id]


def _room(node: Node) -> Room | None:
    """Return what is free on `node`, or None when nothing may start there now."""
    if node.ahead or node.free_cores <= 0 or node.reserved is not None:
        return None
    return node.free_cores, node.free_ram, len(node.free_gpus), node.free_disk


def _soon(node: Node, kind: Kind) -> Soon | None:
    """Return what is free on `node` once its smallest task ends, or None when it takes no more.

    What could begin there at once must not wait behind an order that cannot.
    """
    if not node.held or node.ahead or node.reserved is not None:
        return None
    if node.free_cores >= kind.least[0] > 0 and node.free_ram >= kind.least[1]:
        return None
    return node.free_cores + node.least[0], node.free_ram + node.least[1]


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

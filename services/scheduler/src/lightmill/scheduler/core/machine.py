"""A render node as the scheduler holds it in memory, and machines that offer the same."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter

from lightmill.domain.policy import NodeWish
from lightmill.domain.resources import Offer
from lightmill.domain.states import AttemptState, NodeState
from lightmill.scheduler.core.ask import Ask, Grant, Room, Soon
from lightmill.scheduler.core.reservation import Reservation
from lightmill.scheduler.core.trust import Record
from lightmill.scheduler.core.work import Attempt

_ONLINE = NodeState.ONLINE
_CORES, _RAM = itemgetter(0), itemgetter(1)

Answer = tuple[bool, int]
"""Whether the end of an attempt was applied, and the tick in which its node was last told so."""

UNLIMITED = 2**63 - 1
"""Bytes of disk of a node that has not said how many it has."""


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """One machine.

    Attributes:
        session: Of its present connection.
        heard_at: The tick of its last report; None until it has reported to this leader.
        held: Attempts that occupy it: running, about to, or ended but not yet known to be gone.
        ahead: Attempts that wait on it outside its capacity; all are of one size.
        depth: How many of these there may be: more than one while its tasks are very short.
        settled: The ends that its last report told, and how they were answered.
        left: Sessions that this leader has heard and another has followed.
        freed: Bytes by job, of the workspaces that its last report says it has deleted.
        warm: Job that it worked on last: its files and its open scene are there.
        wish: What a person wants of it.
        record: Its failures of late.
        kind: Where the fleet counts it; None while it takes no work.
        room: Where the fleet keeps it among those with something free; None: nowhere.
        soon: Where the fleet keeps it among those that may take one order more; None: nowhere.
        warm_for: Job for which the fleet names it first while it has room.
        warm_soon: Job for which the fleet names it first while it may take one order more.
        reserved: The wide task that it is kept for.
    """

    id: str
    name: str
    session: str
    offer: Offer
    state: NodeState = NodeState.OFFLINE
    heard_at: int | None = None
    sequence: int = 0
    draining: bool = False
    held: dict[str, Attempt] = field(default_factory=dict)
    ahead: dict[str, Attempt] = field(default_factory=dict)
    settled: dict[str, Answer] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    warm: str | None = None
    freed: dict[str, int] = field(default_factory=dict)
    wish: NodeWish = NodeWish.RUN
    forgiven: int = 0
    quarantined_until: datetime | None = None
    record: Record = field(default_factory=Record)
    kind: "Kind | None" = None
    room: Room | None = None
    soon: Soon | None = None
    warm_for: str | None = None
    warm_soon: str | None = None
    reserved: Reservation | None = None
    depth: int = 1
    free_cores: int = 0
    free_ram: int = 0
    free_disk: int = 0
    free_gpus: tuple[int, ...] = ()
    _sizes: dict[Soon, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.count()

    @property
    def takes_work(self) -> bool:
        """Whether it is there and wants more."""
        return self.state is _ONLINE and self.heard_at is not None

    @property
    def least(self) -> Soon:
        """Return the least cores and the least bytes of RAM of what holds it."""
        sizes = self._sizes
        if len(sizes) > 1:
            return min(map(_CORES, sizes)), min(map(_RAM, sizes))
        return next(iter(sizes), (0, 0))

    def grant(self, ask: Ask) -> Grant | None:
        """Return what a task gets now, or None when it does not fit.

        Nothing fits behind work that waits on the node, which begins its orders in turn.
        """
        if self.ahead or ask.cores > self.free_cores or ask.ram > self.free_ram:
            return None
        if ask.disk > self.free_disk or ask.gpus > len(self.free_gpus):
            return None
        if ask.whole:
            return None if self.held else Grant(ask.cores, ask.ram, self.free_gpus, ask.disk)
        if not ask.gpus:
            return ask.grant
        fitting = [index for index in ask.devices if index in self.free_gpus]
        if len(fitting) < ask.gpus:
            return None
        return Grant(ask.cores, ask.ram, tuple(fitting[: ask.gpus]), ask.disk)

    def attempt(self, attempt_id: str) -> Attempt | None:
        """Return what it holds, or has waiting, under this id."""
        return self.held.get(attempt_id) or self.ahead.get(attempt_id)

    def had(self, session: str) -> bool:
        """Tell whether orders may have gone to it under this session."""
        return session == self.session or session in self.left

    def take_over(self, attempt: Attempt) -> None:
        """Let an attempt of an earlier leader occupy its grant, or wait when that is in use."""
        fits = attempt.cores <= self.free_cores and attempt.ram <= self.free_ram
        attempt.ahead = attempt.state is AttemptState.ASSIGNED and not fits
        if attempt.ahead:
            self.ahead[attempt.id] = attempt
            self.depth = max(self.depth, len(self.ahead))
        else:
            self.hold(attempt)

    def hold(self, attempt: Attempt) -> None:
        """Let `attempt` occupy its grant."""
        size = attempt.cores, attempt.ram
        self.held[attempt.id] = attempt
        self._sizes[size] = self._sizes.get(size, 0) + 1
        self.free_cores -= attempt.cores
        self.free_ram -= attempt.ram
        self.free_disk -= attempt.disk
        if attempt.gpus:
            self.free_gpus = tuple(index for index in self.free_gpus if index not in attempt.gpus)

    def release(self, attempt_id: str) -> bool:
        """Free what an attempt occupied, and let those behind it move up; tell if it was here."""
        attempt = self.held.pop(attempt_id, None)
        if attempt is None:
            attempt = self.ahead.pop(attempt_id, None)
            if attempt is None:
                return False
            attempt.ahead = False
            return True
        size, sizes = (attempt.cores, attempt.ram), self._sizes
        left = sizes[size] - 1
        if left:
            sizes[size] = left
        else:
            del sizes[size]
        self.free_cores += attempt.cores
        self.free_ram += attempt.ram
        self.free_disk += attempt.disk
        if attempt.gpus:
            self._count_gpus()
        if self.ahead:
            self._move_up()
        return True

    def promote(self, attempt: Attempt) -> None:
        """Let an attempt that waited on the node occupy its grant: the node has begun it."""
        if self.ahead.pop(attempt.id, None) is not None:
            attempt.ahead = False
            self.hold(attempt)

    def count(self) -> None:
        """Reckon what is free from what is held."""
        held = self.held.values()
        self.free_cores = self.offer.cores - sum(attempt.cores for attempt in held)
        self.free_ram = self.offer.ram - sum(attempt.ram for attempt in held)
        disk = UNLIMITED if self.offer.disk is None else self.offer.disk
        self.free_disk = disk - sum(attempt.disk for attempt in held)
        self._count_gpus()
        self._sizes = dict(Counter((attempt.cores, attempt.ram) for attempt in held))

    def _count_gpus(self) -> None:
        busy = {index for attempt in self.held.values() for index in attempt.gpus}
        self.free_gpus = tuple(g.index for g in self.offer.gpus if g.index not in busy)

    def _move_up(self) -> None:
        for attempt in list(self.ahead.values()):
            if attempt.cores <= self.free_cores and attempt.ram <= self.free_ram:
                self.promote(attempt)


Place = dict[str, Node]


@dataclass(slots=True, eq=False)
class Kind:
    """Machines that offer the same.

    Attributes:
        rooms: By what is free on them: machines on which something may start at once.
        behind: By what is free once their smallest task ends: busy machines that may take one
            order more.
        kept: Cores and bytes of RAM kept free beside each free device for work that needs it.
        least: Cores and bytes of RAM of the smallest work that waits and could run here.
        price: How much work, for each core that it could use, competes for these machines.
    """

    offer: Offer
    nodes: Place = field(default_factory=dict)
    rooms: dict[Room, Place] = field(default_factory=dict)
    behind: dict[Soon, Place] = field(default_factory=dict)
    kept: tuple[int, int] = (0, 0)
    least: Soon = (0, 0)
    price: float = 0.0

    @property
    def open(self) -> bool:
        """Whether any of these machines takes another order."""
        return bool(self.rooms or self.behind)

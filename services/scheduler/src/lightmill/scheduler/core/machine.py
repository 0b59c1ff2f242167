"""A render node as the scheduler holds it in memory: what it has, and what holds it."""

from dataclasses import dataclass, field

from lightmill.domain.resources import Needs, Offer
from lightmill.domain.states import AttemptState, NodeState
from lightmill.scheduler.core.work import Attempt


@dataclass(frozen=True, slots=True)
class Grant:
    """Resources of one node for one attempt; `ram` in bytes, `gpus` as device indices."""

    cores: int
    ram: int
    gpus: tuple[int, ...]


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """One machine.

    Attributes:
        session: Of its present connection.
        heard_at: The tick of its last report; None until it has reported to this leader.
        held: Attempts that occupy it: running, about to, or ended but not yet known to be gone.
        ahead: Attempts that wait on it outside its capacity.
        left: Sessions that this leader has heard and another has followed.
        freed: Bytes by job, of the workspaces that its last report says it has deleted.
        warm: Step that it worked on last: its scene is open there.
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
    settled: dict[str, bool] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    warm: str | None = None
    freed: dict[str, int] = field(default_factory=dict)
    free_cores: int = 0
    free_ram: int = 0
    free_gpus: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.count()

    @property
    def takes_work(self) -> bool:
        """Whether it is there and wants more."""
        return self.state is NodeState.ONLINE and self.heard_at is not None

    @property
    def load(self) -> float:
        """Return the share of its cores in use."""
        return 1 - self.free_cores / self.offer.cores if self.offer.cores else 1.0

    def grant(self, needs: Needs) -> Grant | None:
        """Return what a task with `needs` would get now, or None when it does not fit.

        Nothing fits behind work that waits on the node, which begins its orders in turn.
        """
        if self.ahead:
            return None
        if needs.whole_machine:
            if self.held or needs.gpus > len(self.free_gpus):
                return None
            return Grant(self.offer.cores, self.offer.ram, self.free_gpus)
        cores, ram = self._share(needs)
        if cores > self.free_cores or ram > self.free_ram or needs.gpus > len(self.free_gpus):
            return None
        return Grant(cores, ram, self.free_gpus[: needs.gpus])

    def grant_ahead(self, needs: Needs) -> Grant | None:
        """Return what a task that waits behind the running ones will get, or None.

        Tasks with GPUs never wait on a node: which devices come free is not known before.
        """
        if self.ahead or not self.held or needs.gpus:
            return None
        if needs.whole_machine:
            return Grant(self.offer.cores, self.offer.ram, ())
        return Grant(*self._share(needs), ())

    def _share(self, needs: Needs) -> tuple[int, int]:
        """Return cores and RAM of a task that stated one of them: of the other, a fair share."""
        cores = needs.cores or 1
        ram = self.offer.ram * cores // self.offer.cores if needs.ram is None else needs.ram
        return cores, ram

    def take_over(self, attempt: Attempt) -> None:
        """Let an attempt of an earlier leader occupy its grant, or wait when that is in use."""
        fits = attempt.cores <= self.free_cores and attempt.ram <= self.free_ram
        attempt.ahead = attempt.state is AttemptState.ASSIGNED and not fits
        if attempt.ahead:
            self.ahead[attempt.id] = attempt
        else:
            self.hold(attempt)

    def hold(self, attempt: Attempt) -> None:
        """Let `attempt` occupy its grant."""
        self.held[attempt.id] = attempt
        self.count()

    def release(self, attempt_id: str) -> None:
        """Free what an attempt occupied, and let those behind it move up."""
        self.ahead.pop(attempt_id, None)
        if self.held.pop(attempt_id, None) is not None:
            self.count()
            self._move_up()

    def promote(self, attempt: Attempt) -> None:
        """Let an attempt that waited on the node occupy its grant: the node has begun it."""
        if self.ahead.pop(attempt.id, None) is not None:
            attempt.ahead = False
            self.hold(attempt)

    def count(self) -> None:
        """Reckon what is free from what is held."""
        held = self.held.values()
        busy = {index for attempt in held for index in attempt.gpus}
        self.free_cores = self.offer.cores - sum(attempt.cores for attempt in held)
        self.free_ram = self.offer.ram - sum(attempt.ram for attempt in held)
        self.free_gpus = tuple(g.index for g in self.offer.gpus if g.index not in busy)

    def _move_up(self) -> None:
        for attempt in list(self.ahead.values()):
            if attempt.cores <= self.free_cores and attempt.ram <= self.free_ram:
                self.promote(attempt)

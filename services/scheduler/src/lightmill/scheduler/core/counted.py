"""One limit, and what is taken of it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lightmill.domain.policy import Limit, LimitScope
from lightmill.scheduler.core.ceiling import Ceiling

FIRST_HOLD = timedelta(seconds=30)
LONGEST_HOLD = timedelta(minutes=10)
_MOST_SHORTAGES = 10
_MACHINE = LimitScope.MACHINE


@dataclass(slots=True, eq=False)
class Counted:
    """One limit and what is taken of it.

    Attributes:
        ceiling: Follows the queue where the limit is to.
        machines: How many tasks each has, where machines are counted.
        held_until: Nothing more is taken before: a licence that was counted was not to be had.
    """

    limit: Limit
    ceiling: Ceiling | None = None
    tasks: int = 0
    machines: dict[str, int] = field(default_factory=dict)
    shortages: int = 0
    held_until: datetime | None = None

    @property
    def known(self) -> bool:
        """Whether the keeper of the farm has said how many there are."""
        return self.limit.total != 0 or self.limit.scaling is not None

    @property
    def most(self) -> int | None:
        """Return how many may be taken at once; None: no bound."""
        total = self.limit.total
        if self.ceiling is None:
            return total
        return self.ceiling.current if total is None else min(total, self.ceiling.current)

    @property
    def used(self) -> int:
        """Return how many are taken."""
        return len(self.machines) if self.limit.scope is _MACHINE else self.tasks

    def decree(self, limit: Limit, seconds: float) -> None:
        """Be another limit from now on."""
        self.limit = limit
        if limit.scaling is None:
            self.ceiling = None
        elif self.ceiling is None:
            self.ceiling = Ceiling(limit.scaling, seconds)
        else:
            self.ceiling.reform(limit.scaling)

    def count(self, node_id: str, sign: int) -> None:
        """Count a task that begins on this node (1), or has ended there (-1)."""
        self.tasks += sign
        if self.limit.scope is _MACHINE:
            tasks = self.machines.get(node_id, 0) + sign
            if tasks:
                self.machines[node_id] = tasks
            else:
                del self.machines[node_id]

    def is_full(self, now: datetime) -> bool:
        """Tell whether a task on a machine that holds none of it has to wait."""
        if self.held_until is not None and now < self.held_until:
            return True
        limit = self.limit
        most = limit.total if self.ceiling is None else self.most
        if most is None:
            return False
        return (len(self.machines) if limit.scope is _MACHINE else self.tasks) >= most

    def serves(self, node_id: str, now: datetime) -> bool:
        """Tell whether a task on this node may have one."""
        if self.held_until is not None and now < self.held_until:
            return False
        shared = self.limit.scope is _MACHINE and node_id in self.machines
        return shared or not self.is_full(now)

    def run_short(self, now: datetime) -> timedelta:
        """Note that there was none although one was free here; return for how long to wait."""
        self.shortages, self.held_until = held(self.shortages, self.held_until, now)
        return self.held_until - now


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of which every task of a step takes one, as some decree has them.

    Attributes:
        tasks: Those that count tasks.
        machines: Those that count machines.
    """

    decree: int = -1
    every: tuple[Counted, ...] = ()
    tasks: tuple[Counted, ...] = ()
    machines: tuple[Counted, ...] = ()


NOT_LOOKED_UP = Bounds()


def bounds_of(decree: int, every: tuple[Counted, ...]) -> Bounds:
    """Return `every` by what is counted."""
    machines = tuple(one for one in every if one.limit.scope is LimitScope.MACHINE)
    return Bounds(decree, every, tuple(one for one in every if one not in machines), machines)


def held(shortages: int, until: datetime | None, now: datetime) -> tuple[int, datetime]:
    """Return how often in a row a licence was lacking by now, and until when to wait for it.

    What fails while it is held back already had begun before, and tells nothing new.
    """
    if until is not None and now < until:
        return shortages, until
    wait = min(FIRST_HOLD * (1 << shortages), LONGEST_HOLD)
    return min(shortages + 1, _MOST_SHORTAGES), now + wait

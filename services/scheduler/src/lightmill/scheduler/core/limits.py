"""Counted things that tasks share: licences, remote slots, the room of a pool."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lightmill.domain.policy import Limit, LimitScope, Policy
from lightmill.scheduler.core.ceiling import Ceiling
from lightmill.scheduler.core.work import Attempt, Step

FIRST_HOLD = timedelta(seconds=30)
LONGEST_HOLD = timedelta(minutes=10)
_MOST_SHORTAGES = 10


@dataclass(slots=True, eq=False)
class Counted:
    """One limit and what is taken of it.

    Attributes:
        ceiling: Follows the queue where the limit is to.
        held_until: Nothing more is taken before: a licence that was counted was not to be had.
    """

    limit: Limit
    ceiling: Ceiling | None = None
    tasks: int = 0
    machines: Counter[str] = field(default_factory=Counter)
    shortages: int = 0
    held_until: datetime | None = None

    @property
    def known(self) -> bool:
        """Whether the keeper of the farm has said how many there are."""
        return self.limit.total != 0 or self.limit.scaling is not None

    @property
    def most(self) -> int | None:
        """Return how many may be taken at once; None: no bound."""
        bounds = [self.limit.total, self.ceiling.current if self.ceiling else None]
        return min((bound for bound in bounds if bound is not None), default=None)

    @property
    def used(self) -> int:
        """Return how many are taken."""
        return self.tasks if self.limit.scope is LimitScope.TASK else len(self.machines)

    def decree(self, limit: Limit, seconds: float) -> None:
        """Be another limit from now on."""
        self.limit = limit
        if limit.scaling is None:
            self.ceiling = None
        elif self.ceiling is None:
            self.ceiling = Ceiling(limit.scaling, seconds)
        else:
            self.ceiling.reform(limit.scaling)

    def take(self, node_id: str) -> None:
        """Count a task that begins on this node."""
        self.tasks += 1
        self.machines[node_id] += 1

    def give(self, node_id: str) -> None:
        """Count a task that has ended on this node."""
        self.tasks -= 1
        self.machines[node_id] -= 1
        if not self.machines[node_id]:
            del self.machines[node_id]

    def is_full(self, now: datetime) -> bool:
        """Tell whether a task on a machine that holds none of it has to wait."""
        if self.held_until is not None and now < self.held_until:
            return True
        return self.most is not None and self.used >= self.most

    def serves(self, node_id: str, now: datetime) -> bool:
        """Tell whether a task on this node may have one."""
        shared = self.limit.scope is LimitScope.MACHINE and node_id in self.machines
        held = self.held_until is not None and now < self.held_until
        return (shared and not held) or not self.is_full(now)

    def run_short(self, now: datetime) -> timedelta:
        """Note that there was none although one was free here; return for how long to wait."""
        self.shortages, self.held_until = held(self.shortages, self.held_until, now)
        return self.held_until - now


def held(shortages: int, until: datetime | None, now: datetime) -> tuple[int, datetime]:
    """Return how often in a row a licence was lacking by now, and until when to wait for it.

    What fails while it is held back already had begun before, and tells nothing new.
    """
    if until is not None and now < until:
        return shortages, until
    wait = min(FIRST_HOLD * (1 << shortages), LONGEST_HOLD)
    return min(shortages + 1, _MOST_SHORTAGES), now + wait


def pool_limit(name: str) -> str:
    """Return the name of the limit that bounds a pool: no limit of the keeper's is named so."""
    return f"pool:{name}"


@dataclass(slots=True)
class Limits:
    """All limits by name.

    Attributes:
        resumed: Where the ceilings of an earlier leader stood, until they are taken up.
    """

    counted: dict[str, Counted] = field(default_factory=dict)
    resumed: dict[str, int] = field(default_factory=dict)
    _of_steps: dict[tuple[tuple[str, ...], str], tuple[Counted, ...]] = field(default_factory=dict)

    def decree(self, policy: Policy, seconds: float) -> None:
        """Let other limits hold from now on; what is taken stays counted."""
        self._of_steps.clear()
        wanted = dict(policy.limits)
        for pool in policy.pools.values():
            if pool.scaling is not None:
                name = pool_limit(pool.name)
                wanted[name] = Limit(name=name, scaling=pool.scaling)
        for name, limit in wanted.items():
            self._of(name).decree(limit, seconds)
            self._resume(name)
        for name in self.counted.keys() - wanted.keys():
            self.counted[name].decree(_unknown(name), seconds)

    def ceilings(self) -> dict[str, int]:
        """Return how many may run at once, of those limits that follow the queue."""
        return {
            name: counted.ceiling.current
            for name, counted in self.counted.items()
            if counted.ceiling is not None
        }

    def _resume(self, name: str) -> None:
        """Let a ceiling go on from where an earlier leader left it."""
        ceiling = self.counted[name].ceiling
        if ceiling is not None and name in self.resumed:
            ceiling.current = self.resumed.pop(name)
            ceiling.reform(ceiling.scaling)

    def recount(self, attempts: Iterable[Attempt]) -> None:
        """Count anew what is taken."""
        for counted in self.counted.values():
            counted.tasks = 0
            counted.machines.clear()
        for attempt in attempts:
            self.take(attempt)

    def of(self, step: Step) -> tuple[Counted, ...]:
        """Return the limits of which a task of `step` takes one."""
        key = (step.job.spec.limits, step.pool)
        found = self._of_steps.get(key)
        if found is None:
            named = [self._of(name) for name in step.job.spec.limits]
            pool = self.counted.get(pool_limit(step.pool))
            found = self._of_steps[key] = (*named, *([] if pool is None else [pool]))
        return found

    def obstacle(self, step: Step, now: datetime) -> Counted | None:
        """Return the limit that lets no task of `step` begin on another machine, or None."""
        for counted in self.of(step):
            if counted.is_full(now) and counted.limit.scope is LimitScope.TASK:
                return counted
        return None

    def take(self, attempt: Attempt) -> None:
        """Count an attempt that is handed out."""
        for counted in self.of(attempt.task.step):
            counted.take(attempt.node_id)

    def give(self, attempt: Attempt) -> None:
        """Count an attempt that no node holds any more."""
        for counted in self.of(attempt.task.step):
            if counted.machines[attempt.node_id]:
                counted.give(attempt.node_id)

    def succeed(self, step: Step) -> None:
        """Note that a task had what it needed."""
        for counted in self.of(step):
            counted.shortages = 0

    def adjust(self, waiting: Iterable[Step], seconds: float) -> None:
        """Let the ceilings follow the frames that wait; `seconds` on any clock that runs on."""
        if not any(counted.ceiling for counted in self.counted.values()):
            return
        pending: Counter[str] = Counter()
        for step in waiting:
            for counted in self.of(step):
                pending[counted.limit.name] += len(step.waiting)
        for name, counted in self.counted.items():
            if counted.ceiling is not None:
                counted.ceiling.adjust(pending[name], seconds)

    def _of(self, name: str) -> Counted:
        counted = self.counted.get(name)
        if counted is None:
            counted = self.counted[name] = Counted(_unknown(name))
        return counted


def _unknown(name: str) -> Limit:
    """Return a limit that lets nothing through: nobody has said how many there are."""
    return Limit(name=name, total=0)

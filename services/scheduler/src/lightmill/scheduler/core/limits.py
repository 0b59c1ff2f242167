"""Counted things that tasks share: licences, remote slots, the room of a pool."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from lightmill.domain.policy import POOL_LIMIT, Limit, Policy
from lightmill.scheduler.core.counted import Counted, bounds_of
from lightmill.scheduler.core.work import Attempt, Step


def pool_limit(name: str) -> str:
    """Return the name of the limit that bounds a pool: no limit of the keeper's is named so."""
    return f"{POOL_LIMIT}{name}"


@dataclass(slots=True)
class Limits:
    """All limits by name.

    Attributes:
        resumed: Where the ceilings of an earlier leader stood, until they are taken up.
    """

    counted: dict[str, Counted] = field(default_factory=dict)
    resumed: dict[str, int] = field(default_factory=dict)
    _decrees: int = 0

    def decree(self, policy: Policy, seconds: float) -> None:
        """Let other limits hold from now on; what is taken stays counted."""
        self._decrees += 1
        wanted = dict(policy.limits)
        for pool in policy.pools.values():
            if pool.scaling is not None:
                name = pool_limit(pool.name)
                wanted[name] = Limit(name=name, scaling=pool.scaling)
        for name, limit in wanted.items():
            self._of(name).decree(limit, seconds)
            self._resume(name)
        for name in self.counted.keys() - wanted.keys():
            if name.startswith(POOL_LIMIT):
                del self.counted[name]  # its machines alone bound it now
            else:
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
            self.count(attempt, 1)

    def of(self, step: Step) -> tuple[Counted, ...]:
        """Return the limits of which a task of `step` takes one."""
        if step.bounds.decree != self._decrees:
            self._look_up(step)
        return step.bounds.every

    def _look_up(self, step: Step) -> None:
        named = self.named(step)
        pool = self.counted.get(pool_limit(step.pool))
        every = (*named, *([] if pool is None else [pool]))
        step.bounds = bounds_of(self._decrees, every)

    def named(self, step: Step) -> list[Counted]:
        """Return the limits that the job of `step` names: what may run short, unlike a pool."""
        return [self._of(name) for name in step.job.spec.limits]

    def resume(self, step: Step) -> None:
        """Hold back what `step` lacked under an earlier leader."""
        until = step.held_until
        if until is None:
            return
        for counted in self.named(step):
            counted.shortages = max(counted.shortages, step.shortages)
            counted.held_until = max(until, counted.held_until or until)

    def obstacle(self, step: Step, now: datetime) -> Counted | None:
        """Return the limit that lets no task of `step` begin on another machine, or None."""
        if step.bounds.decree != self._decrees:
            self._look_up(step)
        for counted in step.bounds.tasks:
            if counted.is_full(now):
                return counted
        return None

    def full_machines(self, step: Step, now: datetime) -> tuple[Counted, ...]:
        """Return the limits of which tasks of `step` may begin only where one is held already."""
        if step.bounds.decree != self._decrees:
            self._look_up(step)
        machines = step.bounds.machines
        return tuple([one for one in machines if one.is_full(now)]) if machines else machines

    def count(self, attempt: Attempt, sign: int) -> None:
        """Count an attempt that is handed out (1), or that no node holds any more (-1)."""
        step = attempt.task.step
        if step.bounds.decree != self._decrees:
            self._look_up(step)
        for counted in step.bounds.every:
            counted.count(attempt.node_id, sign)

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

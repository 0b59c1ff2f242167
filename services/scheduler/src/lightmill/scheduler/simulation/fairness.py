"""What users got of the farm while they waited for more, and how even that was."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lightmill.scheduler.core.work import Step
from lightmill.scheduler.simulation.policy_laws import Plan

_LEAST = 10
"""Beats of a stretch that tells anything: in less, few frames end."""


@dataclass
class Fairness:
    """Looks at each beat of a leader; a stretch lasts while the same users are backlogged.

    Backlogged is whose frames wait for nothing but a machine, at the highest priority that
    waits: no limit, no burst and no FIFO pool holds them back.

    Attributes:
        beats: Of all the stretches with at least two users.
        even: Jain's index of each stretch, times its beats.
    """

    beats: int = 0
    even: float = 0.0
    _users: frozenset[str] = frozenset()
    _length: int = 0
    _got: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def index(self) -> float | None:
        """Return Jain's index over all stretches; None where there was none."""
        return self.even / self.beats if self.beats else None

    def look(self, plan: Plan) -> None:
        """Count one beat."""
        users = _backlogged(plan)
        if users != self._users:
            self.close()
            self._users = users
        if len(users) > 1:
            self._length += 1
            for user, share in _shares(plan).items():
                self._got[user] += share

    def close(self) -> None:
        """End the stretch."""
        if self._length >= _LEAST:
            self.beats += self._length
            self.even += self._length * jain([self._got[user] for user in sorted(self._users)])
        self._length = 0
        self._got.clear()


def jain(shares: Iterable[float]) -> float:
    """Return Jain's index: 1 when all have the same, 1/n when one has everything."""
    found = list(shares)
    squares = sum(share * share for share in found)
    return sum(found) ** 2 / (len(found) * squares) if squares else 1.0


def _backlogged(plan: Plan) -> frozenset[str]:
    waiting = plan.waiting
    highest = max((step.job.priority for step in waiting), default=0)
    return frozenset(
        step.job.user
        for step in waiting
        if step.job.priority == highest and not _is_held_back(step, plan)
    )


def _is_held_back(step: Step, plan: Plan) -> bool:
    job = step.job
    share = plan.policy.shares.get((job.tenant_id, job.user))
    bounded = share is not None and share.burst is not None
    return bounded or job.spec.fifo or bool(job.spec.limits) or step.pool in plan.policy.pools


def _shares(plan: Plan) -> Mapping[str, float]:
    """Return by user its dominant share of the farm, divided by its weight."""
    offers = [node.offer for node in plan.farm.nodes]
    total = (
        sum(o.cores for o in offers),
        sum(o.ram for o in offers),
        sum(len(o.gpus) for o in offers),
    )
    taken: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for node in plan.farm.nodes:
        for attempt in node.held.values():
            job = attempt.task.step.job
            parts = taken[job.tenant_id, job.user]
            for place, part in enumerate((attempt.cores, attempt.ram, len(attempt.gpus))):
                parts[place] += part
    found = {}
    for key, parts in taken.items():
        share = plan.policy.shares.get(key)
        dominant = max(part / all_ for part, all_ in zip(parts, total, strict=True) if all_)
        found[key[1]] = dominant / (1.0 if share is None else share.weight)
    return found

"""Steps that have something to hand out, in lanes: in a lane all ask alike for the same user."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from lightmill.scheduler.core.demand import Demand
from lightmill.scheduler.core.shares import Accounts, Standing
from lightmill.scheduler.core.work import Job, Step

Age = tuple[datetime, str, bool, int]
"""First come, first served: creation of the job, its id, what follows first, position."""

Rank = tuple[int, bool, Standing, Standing, Age]
"""Priority, test frames, share of the tenant, share of the user, age: the least goes first."""

_NOBODY: Standing = (False, 0.0)


@dataclass(slots=True, eq=False)
class Lane:
    """Steps of one user that ask alike, oldest first; or all steps of a FIFO pool.

    Attributes:
        key: What its steps have in common.
        accounts: Whose share they take; None where none counts, as in a FIFO pool.
    """

    key: object
    accounts: Accounts | None
    steps: dict[str, Step] = field(default_factory=dict)
    demands: dict[str, Demand] = field(default_factory=dict)
    ages: dict[str, Age] = field(default_factory=dict)
    _by_age: list[tuple[Age, str]] = field(default_factory=list)

    @property
    def head(self) -> Step | None:
        """Return the step that goes first."""
        while self._by_age:
            age, step_id = self._by_age[0]
            if self.ages.get(step_id) == age:
                return self.steps[step_id]
            heapq.heappop(self._by_age)
        return None

    def add(self, step: Step, demand: Demand, age: Age) -> None:
        """Take in a step."""
        self.steps[step.id] = step
        self.demands[step.id] = demand
        self.ages[step.id] = age
        heapq.heappush(self._by_age, (age, step.id))

    def remove(self, step: Step) -> None:
        """Let a step go."""
        del self.steps[step.id]
        del self.demands[step.id]
        del self.ages[step.id]

    def rank(self) -> Rank | None:
        """Return its place in the order, or None when nothing waits in it."""
        head = self.head
        if head is None:
            return None
        tenant = user = _NOBODY
        if self.accounts is not None:
            tenant, user = self.accounts.tenant.standing, self.accounts.user.standing
        return -head.job.priority, not head.leads, tenant, user, self._by_age[0][0]


class Queue:
    """The lanes, by what they ask. `put` is to be called after anything about a step changed."""

    def __init__(self) -> None:
        self.version = 0
        self.by_demand: dict[Demand, dict[object, Lane]] = {}
        self.strict: dict[object, Lane] = {}
        self._lanes: dict[str, Lane] = {}  # by step
        self._timers: list[tuple[datetime, str, Step]] = []

    @property
    def lanes(self) -> Iterator[Lane]:
        """Yield every lane."""
        for lanes in self.by_demand.values():
            yield from lanes.values()
        yield from self.strict.values()

    @property
    def steps(self) -> Iterator[Step]:
        """Yield every step that has something to hand out."""
        for lane in self.lanes:
            yield from lane.steps.values()

    def lane(self, step: Step) -> Lane | None:
        """Return the lane in which `step` waits, or None when nothing of it can be handed out."""
        return self._lanes.get(step.id)

    def wake(self, step: Step, at: datetime) -> None:
        """Have `due` return `step` when this time has come."""
        heapq.heappush(self._timers, (at, step.id, step))

    def due(self, now: datetime) -> Iterable[Job]:
        """Return the jobs of steps whose time has come."""
        jobs = {}
        while self._timers and self._timers[0][0] <= now:
            job = heapq.heappop(self._timers)[2].job
            jobs[job.id] = job
        return jobs.values()

    def lane_of(self, step: Step) -> Lane | None:
        """Return the lane in which `step` waits, or None."""
        return self._lanes.get(step.id)

    def put(self, step: Step, demand: Demand, accounts: Accounts, age: Age) -> None:
        """Take in `step`, or move it to the lane where it belongs now."""
        job = step.job
        if job.spec.fifo:
            key: object = step.pool
        else:
            key = (job.priority, step.leads, accounts.key, job.spec.limits)
        lane = self._lanes.get(step.id)
        if lane is not None:
            if lane.key == key and lane.demands[step.id] is demand and lane.ages[step.id] == age:
                return
            self.remove(step)
        lanes = self.strict if job.spec.fifo else self._asking(demand)
        lane = lanes.get(key)
        if lane is None:
            lane = lanes[key] = Lane(key, None if job.spec.fifo else accounts)
        lane.add(step, demand, age)
        self._lanes[step.id] = lane

    def remove(self, step: Step) -> None:
        """Let `step` go: nothing of it can be handed out."""
        lane = self._lanes.pop(step.id, None)
        if lane is None:
            return
        demand = lane.demands[step.id]
        lane.remove(step)
        if lane.steps:
            return
        if step.job.spec.fifo:
            del self.strict[lane.key]
            return
        lanes = self.by_demand[demand]
        del lanes[lane.key]
        if not lanes:
            del self.by_demand[demand]
            self.version += 1

    def _asking(self, demand: Demand) -> dict[object, Lane]:
        lanes = self.by_demand.get(demand)
        if lanes is None:
            lanes = self.by_demand[demand] = {}
            self.version += 1
        return lanes

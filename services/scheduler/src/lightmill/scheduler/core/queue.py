"""Steps that have something to hand out, in lanes: in a lane all ask alike for the same user."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from lightmill.scheduler.core.accounts import Account, Accounts, Standing
from lightmill.scheduler.core.demand import Demand
from lightmill.scheduler.core.work import Job, Step

Age = tuple[datetime, str, bool, int]
"""First come, first served: creation of the job, its id, what follows first, position."""

Level = tuple[int, bool]
"""Priority, test frames: the least goes first."""

Rank = tuple[Level, Standing, Standing, Age]
"""Level, share of the tenant, share of the user, age: the least goes first."""

OLDEST: Age = (datetime.min.replace(tzinfo=UTC), "", False, -1)
"""Goes before everything."""

NOBODY: Standing = (False, 0.0)
"""Of what takes nobody's share."""


@dataclass(slots=True, eq=False)
class Lane:
    """Steps of one user that ask alike, oldest first; or all steps of a FIFO pool.

    Attributes:
        key: What its steps have in common.
        accounts: Whose share they take; None where none counts, as in a FIFO pool.
        level: Of all of them; in a FIFO pool they may differ, and none holds.
        demand: What all of them ask; None in a FIFO pool.
        head: The step that goes first.
        age: Of the head; without one it says nothing.
    """

    key: object
    accounts: Accounts | None = None
    level: Level = (0, False)
    demand: Demand | None = None
    steps: dict[str, Step] = field(default_factory=dict)
    demands: dict[str, Demand] = field(default_factory=dict)
    ages: dict[str, Age] = field(default_factory=dict)
    head: Step | None = None
    age: Age = OLDEST
    _by_age: list[tuple[Age, str]] = field(default_factory=list)

    def add(self, step: Step, demand: Demand, age: Age) -> None:
        """Take in a step."""
        self.steps[step.id] = step
        self.demands[step.id] = demand
        self.ages[step.id] = age
        heapq.heappush(self._by_age, (age, step.id))
        if self.head is None or self._by_age[0] < (self.age, self.head.id):
            self.head, self.age = step, age

    def remove(self, step: Step) -> None:
        """Let a step go."""
        del self.steps[step.id]
        del self.demands[step.id]
        del self.ages[step.id]
        if self.head is not None and self.head.id == step.id:
            self._look_for_head()

    def _look_for_head(self) -> None:
        by_age, self.head = self._by_age, None
        while by_age and self.ages.get(by_age[0][1]) != by_age[0][0]:
            heapq.heappop(by_age)
        if by_age:
            self.age, first = by_age[0]
            self.head = self.steps[first]

    def rank(self) -> Rank | None:
        """Return its place in the order, or None when nothing waits in it."""
        head = self.head
        if head is None:
            return None
        tenant = user = NOBODY
        if self.accounts is not None:
            tenant, user = self.accounts.tenant.standing, self.accounts.user.standing
        return level_of(head), tenant, user, self.age


def level_of(step: Step) -> Level:
    """Return what goes before any share."""
    return -step.job.priority, not step.leads


Lanes = dict[Account, dict[Lane, None]]
"""Of one tenant at one level, by user."""


class Queue:
    """The lanes, by what they ask. `put` is to be called after anything about a step changed.

    Attributes:
        version: Changes when something else is asked than before.
        by_demand: By what they ask and by their key.
        strict: Those of FIFO pools.
        by_account: The others by level, tenant and user.
    """

    def __init__(self) -> None:
        self.version = 0
        self.by_demand: dict[Demand, dict[object, Lane]] = {}
        self.strict: dict[object, Lane] = {}
        self.by_account: dict[Level, dict[Account, Lanes]] = {}
        self._strictly: dict[Demand, int] = {}  # steps in FIFO pools
        self._lanes: dict[str, Lane] = {}  # by step
        self._timers: list[tuple[datetime, str, int, Step]] = []
        self._set = count()  # a job that is read again brings the same times with other objects

    @property
    def demands(self) -> set[Demand]:
        """Return everything that is asked for."""
        return {*self.by_demand, *self._strictly}

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
        heapq.heappush(self._timers, (at, step.id, next(self._set), step))

    def due(self, now: datetime) -> Iterable[Job]:
        """Return the jobs of steps whose time has come."""
        jobs = {}
        while self._timers and self._timers[0][0] <= now:
            job = heapq.heappop(self._timers)[-1].job
            jobs[job.id] = job
        return jobs.values()

    def put(self, step: Step, demand: Demand, accounts: Accounts, age: Age) -> None:
        """Take in `step`, or move it to the lane where it belongs now."""
        job, lane = step.job, self._lanes.get(step.id)
        if lane is not None:
            same = lane.demands[step.id] is demand and lane.ages[step.id] == age
            if same and (lane.accounts is None or -lane.level[0] == job.priority):
                return  # of what makes its key, its priority alone may be another one
            self.remove(step)
        if job.spec.fifo:
            lane = self._strict(step.pool)
        else:
            key = (job.priority, step.leads, accounts.key, job.spec.limits, step.pool)
            lane = self._lane(key, step, demand, accounts)
        lane.add(step, demand, age)
        self._lanes[step.id] = lane
        if lane.accounts is None:
            self._strictly[demand] = self._strictly.get(demand, 0) + 1

    def remove(self, step: Step) -> None:
        """Let `step` go: nothing of it can be handed out."""
        lane = self._lanes.pop(step.id, None)
        if lane is None:
            return
        demand = lane.demands[step.id]
        lane.remove(step)
        if lane.accounts is None:
            self._leave_pool(lane, demand)
        elif not lane.steps:
            self._drop(lane, demand, lane.accounts)

    def _strict(self, key: object) -> Lane:
        lane = self.strict.get(key)
        if lane is None:
            lane = self.strict[key] = Lane(key)
        return lane

    def _leave_pool(self, lane: Lane, demand: Demand) -> None:
        self._strictly[demand] -= 1
        if not self._strictly[demand]:
            del self._strictly[demand]
        if not lane.steps:
            del self.strict[lane.key]

    def _lane(self, key: object, step: Step, demand: Demand, accounts: Accounts) -> Lane:
        lanes = self.by_demand.get(demand)
        if lanes is None:
            lanes = self.by_demand[demand] = {}
            self.version += 1
        lane = lanes.get(key)
        if lane is None:
            level = level_of(step)
            lane = lanes[key] = Lane(key, accounts, level, demand)
            users = self.by_account.setdefault(level, {}).setdefault(accounts.tenant, {})
            users.setdefault(accounts.user, {})[lane] = None
        return lane

    def _drop(self, lane: Lane, demand: Demand, accounts: Accounts) -> None:
        """Forget a lane in which nothing waits any more, and whatever is empty without it."""
        lanes = self.by_demand[demand]
        del lanes[lane.key]
        if not lanes:
            del self.by_demand[demand]
            self.version += 1
        tenants = self.by_account[lane.level]
        users = tenants[accounts.tenant]
        del users[accounts.user][lane]
        if not users[accounts.user]:
            del users[accounts.user]
        if not users:
            del tenants[accounts.tenant]
        if not tenants:
            del self.by_account[lane.level]

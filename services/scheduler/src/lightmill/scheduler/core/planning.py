"""Who renders what next."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lightmill.scheduler.core import (
    appraisal,
    placing,
    preemption,
    prospects,
    reserving,
    restlessness,
)
from lightmill.scheduler.core.asking import demand_of
from lightmill.scheduler.core.chunks import chunk_of
from lightmill.scheduler.core.demand import Demand
from lightmill.scheduler.core.line import Line
from lightmill.scheduler.core.placing import Place, Searches
from lightmill.scheduler.core.queue import Age, Lane
from lightmill.scheduler.core.state import FarmState
from lightmill.scheduler.core.work import Attempt, Job, Step, Task

_MARGIN = 2
"""A job goes before its like when it would miss its deadline were it to take so much longer."""

_LONG = 10.0**8
_EVER = datetime.min.replace(tzinfo=UTC)
_Handed = tuple[Step, Demand, Place]


def plan(farm: FarmState) -> None:
    """Hand out what waits to the nodes that have room."""
    stirred = list(bring_up_to_date(farm))
    if farm.fleet.open or farm.reserved or farm.restless:
        appraisal.appraise(farm)
        turn = _Turn(farm)
        turn.serve()
        if farm.restless:
            reserving.reserve(farm, turn.blocked)
            restlessness.even_out(farm)
        if farm.restless and farm.policy.preemption:
            preemption.make_way(farm)
            stirred += bring_up_to_date(farm)  # what is ended may begin elsewhere
            _Turn(farm).serve()
    prospects.tell(farm, stirred)
    farm.restless = False


def bring_up_to_date(farm: FarmState) -> Collection[Job]:
    """Bring the queue into agreement with the jobs that have changed, or whose time has come.

    Returns:
        Those jobs.
    """
    for job in farm.queue.due(farm.now):
        if farm.jobs.get(job.id) is job:  # not one that ended, and was read again since
            farm.stirred[job.id] = job
    stirred, farm.stirred = farm.stirred, {}
    for job in stirred.values():
        for step in job.steps:
            _put(farm, step)
    return stirred.values()


def _put(farm: FarmState, step: Step) -> None:
    job = step.job
    held = step.held_until is not None and step.held_until > farm.now
    goes = job.id in farm.jobs and step.open and not (job.paused or job.ended or held)
    if goes and step.waiting.has_due(farm.now):
        farm.queue.put(step, demand_of(farm, step), farm.shares.of(job), _age(farm, step))
    else:
        farm.queue.remove(step)


def _age(farm: FarmState, step: Step) -> Age:
    """Return its place among its like: first come, first served, unless it would be too late.

    In a job what follows goes first, so that a frame is through all its steps early.
    """
    job, deadline = step.job, step.job.spec.deadline
    since = job.created_at
    if deadline is not None and step.timing.count and not job.spec.fifo:
        seconds = len(step.waiting) * step.timing.mean / max(1, len(step.running))
        if farm.now + _MARGIN * timedelta(seconds=min(seconds, _LONG)) >= deadline:
            since = _EVER
    return since, job.id, not step.spec.after, step.position


@dataclass(slots=True)
class _Turn:
    """One round of handing out: the lanes in their order, each as long as it finds a place.

    Attributes:
        blocked: Steps that went first of their demand and found no room, in their order.
    """

    farm: FarmState
    blocked: list[Step] = field(default_factory=list)
    _hope: set[Demand] = field(default_factory=set)
    _full: set[Demand] = field(default_factory=set)
    _aside: list[Step] = field(default_factory=list)
    _searches: Searches = field(init=False)

    def __post_init__(self) -> None:
        self._searches = Searches(self.farm)

    def serve(self) -> None:
        """Hand out until nothing fits anywhere."""
        farm = self.farm
        farm.shares.reckon()
        farm.fleet.forget_best()
        self._hope = {demand for demand in farm.queue.demands if self._may_hope(demand)}
        self._full = farm.queue.demands - self._hope
        line = Line(farm.queue, self._full)
        while self._hope and (lane := line.first()) is not None:
            if not self._next(lane):
                line.drop()
        for step in self._aside:
            _put(farm, step)

    def _may_hope(self, demand: Demand) -> bool:
        """Tell whether to try for `demand`: once a beat for all, to know what finds no room."""
        farm = self.farm
        if farm.restless or demand in farm.reserved:
            return True
        return any(kind.rooms or kind.behind for kind in demand.kinds)

    def _next(self, lane: Lane) -> bool:
        """Hand out the next task of `lane`; return whether more of it may be tried."""
        farm, step = self.farm, lane.head
        if step is None:
            return False
        demand = lane.demand or lane.demands[step.id]
        accounts, cores = lane.accounts, demand.needs.cores or 1
        if demand in self._full or (accounts is not None and not accounts.may_add(cores)):
            return False
        if farm.limits.obstacle(step, farm.now) is not None:
            return False
        place = self._searches.place(step, demand)
        if place is not None:
            return self._take(lane, step, demand, place)
        if placing.is_choosy(farm, step, demand):
            self._aside.append(step)
            farm.queue.remove(step)
            return True
        self._full.add(demand)
        self._hope.discard(demand)
        self.blocked.append(step)
        return False

    def _take(self, lane: Lane, step: Step, demand: Demand, place: Place) -> bool:
        """Hand out what is next, or what is at home there, unless it is beyond its burst."""
        accounts, other = lane.accounts, None
        if accounts is not None:
            if demand.whole and not accounts.may_add(place.grant.cores):
                return False
            if place.node.warm != step.job.id:
                other = self._at_home(place, lane)
        if other is None:
            _hand_out(self.farm, step, demand, place)
        else:
            _hand_out(self.farm, *other)
        return True

    def _at_home(self, place: Place, lane: Lane) -> _Handed | None:
        """Return work whose scene is open on the machine, when it is nearly its turn.

        Opening a scene costs more than a turn out of order; whoever would have had the turn
        falls behind by one task at the most.
        """
        farm, node = self.farm, place.node
        job = farm.jobs.get(node.warm or "")
        if job is None or job.accounts is lane.accounts or node.reserved is not None:
            return None
        for step in job.steps:
            home = farm.queue.lane(step)
            if home is None or home.level != lane.level:
                continue
            if home.head is not step or not self._may_jump(home, lane, step):
                continue
            demand = demand_of(farm, step)
            there = placing.Search(farm, step, demand).here(node, ahead=place.ahead)
            if there is not None and self._is_close(home, lane, there.grant.cores):
                return step, demand, there
        return None

    def _may_jump(self, home: Lane, lane: Lane, step: Step) -> bool:
        """Tell whether `step` might go before its turn, were its task of the least size."""
        cores = step.needs.cores or 1
        limited = self.farm.limits.obstacle(step, self.farm.now) is not None
        return not limited and (step.needs.whole_machine or self._is_close(home, lane, cores))

    def _is_close(self, home: Lane, lane: Lane, cores: int) -> bool:
        if home.accounts is None or lane.accounts is None or not home.accounts.may_add(cores):
            return False
        return home.accounts.is_close(lane.accounts, cores, self.farm.fleet.total)


def _hand_out(farm: FarmState, step: Step, demand: Demand, place: Place) -> None:
    job, task, node, grant = step.job, _task(farm, step, place), place.node, place.grant
    attempt = Attempt(  # by place: keywords would cost as much again as all that they name
        farm.new_id(), task, node.id, node.session,
        grant.cores, grant.ram, grant.gpus, grant.disk, demand.needs.sandbox,
        place.ahead, farm.tick, farm.tick,
    )  # fmt: skip
    if node.reserved is not None and node in farm.reserved.get(demand, ()):
        reserving.keep_no_longer(farm, node, demand)
    node.warm = job.id
    if place.ahead:
        node.depth = placing.depth(step, node)
    farm.occupy(node, attempt)
    step.running[attempt.id] = attempt
    changes = farm.changes
    changes.born.append(attempt)
    changes.steps[step.id] = step
    changes.jobs[job.id] = job
    changes.letter(node).assign.append(attempt)
    demand.served_at = farm.tick
    waiting = step.waiting
    is_left = waiting.next_ordinal < waiting.total or waiting.has_due(farm.now)
    if job.spec.deadline is not None or not is_left:
        _put(farm, step)


def _task(farm: FarmState, step: Step, place: Place) -> Task:
    """Take a task's worth of frames from what waits."""
    waiting, most = step.waiting, chunk_of(step)
    back = None
    if waiting.given_back:
        back = waiting.due_for(place.node.id, farm.now, anyway=place.anyway)
    if back is None:
        taken = waiting.take_next(most)
        return Task(farm.new_id(), step, tuple(taken), farm.now, 0, 0, set(taken))
    ordinals: list[int] = []
    tries = (back.failures, back.tries)
    while back is not None and (back.failures, back.tries) == tries and len(ordinals) < most:
        waiting.take_given_back(back)
        farm.changes.given_back[step.id, back.ordinal] = None
        ordinals.append(back.ordinal)
        back = waiting.due_for(place.node.id, farm.now) if not tries[0] else None
    return Task(farm.new_id(), step, tuple(ordinals), farm.now, *tries, set(ordinals))

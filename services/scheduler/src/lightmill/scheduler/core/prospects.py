"""What every job may expect, told as it changes: why it waits, and when it will have ended."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from math import ceil

from lightmill.domain.job import After, AfterJob
from lightmill.domain.states import StepState
from lightmill.scheduler.core import blockers
from lightmill.scheduler.core.counted import Counted
from lightmill.scheduler.core.forecast import Backlog, Forecast, forecast, pace
from lightmill.scheduler.core.limits import pool_limit
from lightmill.scheduler.core.outlook import (
    Before,
    Outlook,
    Situation,
    Use,
    WaitingStep,
    explain,
)
from lightmill.scheduler.core.queue import Lane
from lightmill.scheduler.core.standings import Census
from lightmill.scheduler.core.state import FarmState
from lightmill.scheduler.core.timing import Timing
from lightmill.scheduler.core.work import Job, Step

ROUND = 5
"""Beats in which every job is looked at once, on farms that are not too large for that."""

MOST = 200
"""Jobs that are looked at in one beat."""

MOST_AT_ONCE = 20
"""Jobs that are looked at as soon as something about them changes: those that do not run."""

_NEWS = 0.05
"""An end is told anew when it has moved by this share of the time that is left."""

_LEAST_NEWS = 5.0
"""In seconds; and by this at the least."""

_WEIGHT = 50
"""Frames as which a step counts at the most among others whose times are typical."""

_LONGEST = 10.0**9
"""In seconds: what lies further ahead is not told."""


def tell(farm: FarmState, stirred: Iterable[Job]) -> None:
    """Tell what jobs may expect: of those `stirred` that do not run at once, of others in turn."""
    for job_id in farm.told.keys() & farm.changes.jobs.keys():
        if farm.changes.jobs[job_id].ended:
            del farm.told[job_id]
            farm.changes.outlooks[job_id] = None
    if farm.restless:
        _tell_in_turn(farm)
    idle = [job for job in stirred if not job.ended and not job.is_held]
    if idle:
        census = Census(farm)
        for job in idle[:MOST_AT_ONCE]:
            _tell(farm, _outlook(farm, census, job, farm.told.get(job.id)))


def _tell_in_turn(farm: FarmState) -> None:
    census, round_ = Census(farm), farm.round
    if not round_.left:
        round_.left = list(farm.jobs)
        round_.share = min(MOST, ceil(len(round_.left) / ROUND))
        round_.began = farm.now
        round_.ends = forecast(list(_backlogs(farm, census)))
    now, round_.left = round_.left[: round_.share], round_.left[round_.share :]
    for job_id in now:
        job = farm.jobs.get(job_id)
        if job is not None and not job.ended:
            outlook = _outlook(farm, census, job, None)
            _tell(farm, _dated(round_.began, outlook, round_.ends.get(job_id)))


def _tell(farm: FarmState, outlook: Outlook) -> None:
    """Have an outlook written that says something new."""
    told = farm.told.get(outlook.job_id)
    if told is None or told.reasons != outlook.reasons or _has_moved(farm.now, told, outlook):
        farm.told[outlook.job_id] = farm.changes.outlooks[outlook.job_id] = outlook


def _has_moved(now: datetime, told: Outlook, outlook: Outlook) -> bool:
    if told.expected is None or outlook.expected is None:
        return told.expected is not outlook.expected
    left = max((outlook.expected - now).total_seconds(), 0.0)
    moved = abs((outlook.expected - told.expected).total_seconds())
    return moved > max(_LEAST_NEWS, _NEWS * left)


def _outlook(farm: FarmState, census: Census, job: Job, told: Outlook | None) -> Outlook:
    found = Outlook(
        job_id=job.id, tenant_id=job.tenant_id, reasons=explain(situation(farm, census, job))
    )
    if told is None:
        return found
    return replace(found, earliest=told.earliest, expected=told.expected, latest=told.latest)


def _dated(now: datetime, outlook: Outlook, end: Forecast | None) -> Outlook:
    if end is None or end.latest > _LONGEST:
        return outlook
    return replace(
        outlook,
        earliest=now + timedelta(seconds=end.earliest),
        expected=now + timedelta(seconds=end.expected),
        latest=now + timedelta(seconds=end.latest),
    )


def situation(farm: FarmState, census: Census, job: Job) -> Situation:
    """Return everything that decides whether `job` gets a machine."""
    steps = [step for step in job.steps if not step.ended and len(step.waiting)]
    queued = [step for step in steps if farm.queue.lane(step) is not None]
    head = queued[0] if queued else None
    before = tuple(_jobs_before(farm, steps))
    waiting = tuple([_waiting(farm, census, step) for step in steps])
    if head is None:
        return Situation(job_id=job.id, paused=job.paused, before=before, steps=waiting)
    pool = farm.limits.counted.get(pool_limit(head.pool))
    lane = farm.queue.lane(head)
    first, higher, ahead = _order(census, head, lane) if lane is not None else (None, 0, 0)
    return Situation(
        job_id=job.id,
        paused=job.paused,
        before=before,
        steps=waiting,
        limits=tuple(_use(c, farm.now) for c in farm.limits.of(head) if _is_spent(farm, c, pool)),
        pool=_use(pool, farm.now) if pool is not None and pool.is_full(farm.now) else None,
        share=_share(farm, head) if not job.spec.fifo else None,
        first=first,
        higher=higher,
        ahead=ahead,
    )


def _is_spent(farm: FarmState, counted: Counted, pool: Counted | None) -> bool:
    return counted is not pool and counted.is_full(farm.now)


def _use(counted: Counted, now: datetime) -> Use:
    held = counted.held_until
    total = counted.most if counted.known else None
    return Use(
        name=counted.limit.name.removeprefix(pool_limit("")),
        used=counted.used,
        total=total,
        held_until=held if held is not None and held > now else None,
    )


def _share(farm: FarmState, step: Step) -> Use | None:
    """Return the cores of whoever has all that the burst allows, or None."""
    accounts, cores = farm.shares.of(step.job), step.needs.cores or 1
    owners = (
        (f"Tenant {accounts.key[0]}", accounts.tenant),
        (f"User {accounts.key[1]}", accounts.user),
    )
    for name, account in owners:
        if not account.may_add(cores):
            return Use(name=name, used=account.cores, total=account.share.burst)
    return None


def _order(census: Census, step: Step, lane: Lane) -> tuple[str | None, int, int]:
    """Return the job that a FIFO pool serves first, and how many jobs go before: higher, all."""
    if not step.job.spec.fifo:
        return None, *census.precedence.before(step, lane)
    mine = (lane.ages[step.id], step.id)
    before = {s.job.id for i, s in lane.steps.items() if (lane.ages[i], i) < mine}
    before.discard(step.job.id)
    first = lane.head.job.id if lane.head is not None and before else None
    return first, 0, len(before)


def _jobs_before(farm: FarmState, steps: Iterable[Step]) -> Iterator[Before]:
    for step in islice(steps, 1):
        blocker = blockers.of(step) if step.state is StepState.BLOCKED else None
        if isinstance(blocker, AfterJob):
            live = farm.jobs.get(blocker.job_id)
            state = live.state if live is not None else step.job.before.get(blocker.job_id)
            yield Before(
                name=blocker.job_id,
                state=str(state or "not there yet"),
                must_succeed=blocker.must_succeed,
            )


def _waiting(farm: FarmState, census: Census, step: Step) -> WaitingStep:
    blocker = blockers.of(step) if step.state is StepState.BLOCKED else None
    due = step.waiting.has_due(farm.now)
    back = [i.not_before for i in step.waiting.given_back.values() if i.not_before > farm.now]
    nodes = census.nodes(step)
    return WaitingStep(
        name=step.spec.name,
        frames=len(step.waiting),
        approval=isinstance(blocker, blockers.Approval),
        before=tuple(_steps_before(step, blocker, due=due or bool(back))),
        retry_at=min(back) if back and not due else None,
        retrying=len(back),
        licence_at=step.held_until if step.held_until and step.held_until > farm.now else None,
        obstacles={} if nodes else census.obstacles(step),
        nodes=nodes,
    )


def _steps_before(step: Step, blocker: blockers.Blocker | None, *, due: bool) -> Iterator[Before]:
    """Yield the step that `step` waits for: to begin at all, or for each of its frames."""
    after = blocker if isinstance(blocker, After) else None
    if after is None and step.waiting.locked and not due:
        after = next((one for one in step.spec.after if one.each), None)
    if after is not None:
        before = step.job.step(after.step)
        yield Before(
            name=after.step,
            state=before.state,
            must_succeed=after.must_succeed,
            each=after.each,
        )


def _backlogs(farm: FarmState, census: Census) -> Iterator[Backlog]:
    """Yield what is left of every step that will be served, first come, first served."""
    typical = _typical(step for job in farm.jobs.values() for step in job.steps)
    for job in sorted(farm.jobs.values(), key=lambda job: (job.created_at, job.id)):
        if not job.paused:
            near = (_typical(job.steps), typical)
            yield from (_backlog(farm, census, s, near) for s in job.steps if not s.ended)


def _typical(steps: Iterable[Step]) -> Timing:
    """Return what frames of these steps take, no step counting for more than some frames."""
    found = Timing()
    for step in steps:
        if step.timing.count:
            found.add(step.timing.mean, min(step.timing.count, _WEIGHT))
    return found


def _backlog(
    farm: FarmState, census: Census, step: Step, others: tuple[Timing, Timing]
) -> Backlog:
    job = step.job
    left = len(step.waiting) + _under_way(step)
    seconds = pace(left, step.timing, *others)
    blocked = step.state is StepState.BLOCKED and isinstance(blockers.of(step), blockers.Approval)
    slots, load = census.slots(step) if seconds and not blocked else (0, 1.0)
    each, factor = seconds or (0.0, 1.0)
    pool = step.pool
    return Backlog(
        job_id=job.id,
        frames_left=left,
        seconds=each,
        slots=slots,
        priority=job.priority,
        account=f"pool {pool}" if job.spec.fifo else f"{job.tenant_id}/{job.user}",
        factor=factor,
        load=load,
        group=census.group(step),
        weight=farm.shares.of(job).user.share.weight,
    )


def _under_way(step: Step) -> float:
    """Return the frames that nodes still have before them, those that they render in part."""
    tasks = [attempt.task for attempt in step.running.values()]
    return sum([len(task.remaining) - task.progress for task in tasks if task.remaining])

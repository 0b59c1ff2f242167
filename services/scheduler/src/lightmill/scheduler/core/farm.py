"""The scheduler's picture of the farm: facts in, changes out."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import assert_never

from lightmill.domain.policy import Policy
from lightmill.domain.states import AttemptState
from lightmill.scheduler.core import attempts, lifecycle, planning, reports, reserving, trusting
from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.facts import (
    BeatPassed,
    Fact,
    JobAsked,
    NodeAsked,
    NodeReported,
    OrderReturned,
    PolicyChanged,
)
from lightmill.scheduler.core.limits import Limits
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.state import FarmState
from lightmill.scheduler.core.work import Attempt, Job

_NEVER = 2**62


class Farm:
    """Everything that waits, runs and renders; changed by `observe` and `plan` alone.

    What they change is visible to others only after the commit of `take_changes`. When that
    commit fails, or its outcome is unknown, the farm is to be thrown away and rebuilt.
    """

    def __init__(self, *, beat: float, new_id: Callable[[], str], now: datetime) -> None:
        self._state = FarmState(beat=beat, new_id=new_id, now=now)

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._state.jobs

    @property
    def jobs(self) -> Iterable[Job]:
        """Return the jobs that live."""
        return self._state.jobs.values()

    @property
    def nodes(self) -> Iterable[Node]:
        """Return the machines that are known."""
        return self._state.nodes.values()

    @property
    def limits(self) -> Limits:
        """Return what is counted, and how much of it is taken."""
        return self._state.limits

    def adopt(
        self,
        jobs: Iterable[Job],
        nodes: Iterable[Node] = (),
        ceilings: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Take in what the database holds; every attempt gets a full lease from now."""
        farm = self._state
        farm.limits.resumed.update(ceilings)
        farm.nodes.update((node.id, node) for node in nodes)
        found: list[Attempt] = []
        adopted = list(jobs)
        trusting.take_over(farm, adopted)
        for job in adopted:
            lifecycle.take_over(farm, job)
            found += [attempt for step in job.steps for attempt in step.running.values()]
            for step in job.steps:
                attempts.hurry(farm, step)  # the clock that set its times was another one
                farm.limits.resume(step)
        reserving.take_over(farm)
        # What runs comes first; ids sort by age, and a node begins its orders in turn.
        for attempt in sorted(found, key=lambda a: (a.state is AttemptState.ASSIGNED, a.id)):
            attempt.sent_at = attempt.heard_at = farm.tick
            farm.adopt(attempt)
        for job in adopted:
            lifecycle.catch_up(farm, job)

    def observe(self, fact: Fact, now: datetime) -> None:
        """Take in `fact`, which became known at `now`."""
        if now is not self._state.now:  # as it is for all but the first fact of a turn
            self._set_clock(now)
        match fact:
            case NodeReported():  # nearly all are
                reports.hear(self._state, fact.report)
            case JobAsked():
                lifecycle.ask(self._state, fact)
            case BeatPassed():
                reports.beat(self._state)
            case OrderReturned():
                reports.undelivered(self._state, fact.session, fact.attempt_ids)
            case PolicyChanged(policy):
                self._decree(policy)
            case NodeAsked():
                trusting.ask(self._state, fact)
            case _:
                assert_never(fact)

    def plan(self, now: datetime) -> None:
        """Hand out what can be handed out."""
        self._set_clock(now)
        planning.plan(self._state)

    def _set_clock(self, now: datetime) -> None:
        farm = self._state
        set_back, farm.now = now < farm.now, now
        for job in farm.jobs.values() if set_back else ():
            for step in job.steps:
                attempts.hurry(farm, step)

    def _decree(self, policy: Policy) -> None:
        """Let another policy hold from now on."""
        farm = self._state
        farm.policy = policy
        farm.shares.decree(policy)
        farm.limits.decree(policy, farm.seconds)
        farm.limits.recount(farm.attempts)
        farm.stirred.update(farm.jobs)
        farm.demands.clear()

    def leaving(self, born: Iterable[Attempt]) -> None:
        """Note that the orders of these attempts leave later: no report lists them before."""
        for attempt in born:
            attempt.sent_at = attempt.heard_at = _NEVER

    def left(self, born: Iterable[Attempt], under_way: int) -> None:
        """Note that the orders of these attempts leave only now that they are committed.

        The ticks under way to the leader are older than they are, and so are the reports
        between those: neither may count against them.
        """
        moment = self._state.tick + under_way
        for attempt in born:
            attempt.sent_at = attempt.heard_at = moment

    def take_changes(self) -> Changes:
        """Return what has changed since the last call; jobs that have ended leave the farm."""
        changes, self._state.changes = self._state.changes, Changes()
        for job in changes.jobs.values():
            job.row_version += 1
            if job.ended and not job.running:
                self._state.jobs.pop(job.id, None)
                for step in job.steps:
                    self._state.queue.remove(step)
                    self._state.demands.pop(step.id, None)
        return changes

"""Schedulers that break one rule of the farm's policy each, or of what a machine can bear."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from typing_extensions import override

from lightmill.domain.policy import POOL_LIMIT, Policy
from lightmill.scheduler.core.counted import Counted
from lightmill.scheduler.core.facts import Fact, JobAsked, NodeAsked, PolicyChanged
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.core.limits import Limits
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.work import Job, Step

_NEVER = datetime.max.replace(tzinfo=UTC)
_FIRST = datetime.min.replace(tzinfo=UTC)


class Unlimited(Limits):
    """Counts what tasks share, and stops nobody."""

    @override
    def obstacle(self, step: Step, now: datetime) -> Counted | None:
        return None


class NoLimits(Farm):
    """Does not stop at the bound of a limit."""

    def __init__(self, *, beat: float, new_id: Callable[[], str], now: datetime) -> None:
        super().__init__(beat=beat, new_id=new_id, now=now)
        self._state.limits = Unlimited()


class Misread(Farm):
    """Takes in something else than what was asked or decided."""

    def job(self, asked: JobAsked) -> JobAsked:
        """Return what it makes of a job."""
        return asked

    def policy(self, policy: Policy) -> Policy:
        """Return what it makes of the policy."""
        return policy

    @override
    def observe(self, fact: Fact, now: datetime) -> None:
        if isinstance(fact, JobAsked):
            fact = self.job(fact)
        elif isinstance(fact, PolicyChanged):
            fact = PolicyChanged(self.policy(fact.policy))
        super().observe(fact, now)


class NoBursts(Misread):
    """Lets everybody have as many cores as there are."""

    @override
    def policy(self, policy: Policy) -> Policy:
        shares = {key: replace(share, burst=None) for key, share in policy.shares.items()}
        return replace(policy, shares=shares)


class YoungestFirst(Misread):
    """Hands out a FIFO pool from its end."""

    @override
    def job(self, asked: JobAsked) -> JobAsked:
        if not asked.spec.fifo:
            return asked
        return replace(asked, created_at=_NEVER - (asked.created_at - _FIRST))


class NoApproval(Misread):
    """Takes everything for approved."""

    @override
    def job(self, asked: JobAsked) -> JobAsked:
        return replace(asked, approved=True)


class NoDependencies(Misread):
    """Lets every step begin at once."""

    @override
    def job(self, asked: JobAsked) -> JobAsked:
        steps = tuple(replace(step, after=()) for step in asked.spec.steps)
        return replace(asked, spec=replace(asked.spec, steps=steps))


class AnyDevice(Misread):
    """Gives any device to who needs one of much memory, or of one make."""

    @override
    def job(self, asked: JobAsked) -> JobAsked:
        needs = replace(asked.spec.needs, vram=0, vendor=None)
        return replace(asked, spec=replace(asked.spec, needs=needs))


class DevicesTwice(Farm):
    """Forgets which devices are in use."""

    @override
    def plan(self, now: datetime) -> None:
        for node in self._state.nodes.values():
            node.free_gpus = tuple(gpu.index for gpu in node.offer.gpus)
            self._state.fleet.look(node)
        super().plan(now)


class MemoryTwice(Farm):
    """Counts cores and forgets memory."""

    @override
    def plan(self, now: datetime) -> None:
        for node in self._state.nodes.values():
            node.free_ram = node.offer.ram
            self._state.fleet.look(node)
        super().plan(now)


class PlansInBeats(Farm):
    """Lets what comes free between two beats lie idle until the next (Deadline Cloud: 15 s)."""

    @override
    def plan(self, now: datetime) -> None:
        if self._state.restless:
            super().plan(now)


class WorksDisabled(Farm):
    """Goes on handing out to machines that persons have taken out."""

    @override
    def observe(self, fact: Fact, now: datetime) -> None:
        if not isinstance(fact, NodeAsked):
            super().observe(fact, now)


class DeadPools(Farm):
    """Lets nothing through in a pool whose ceiling has been lifted."""

    @override
    def observe(self, fact: Fact, now: datetime) -> None:
        before = dict(self._state.limits.counted)
        super().observe(fact, now)
        counted = self._state.limits.counted
        for name in before.keys() - counted.keys():
            if name.startswith(POOL_LIMIT):
                counted[name] = before[name]
                counted[name].decree(replace(before[name].limit, total=0, scaling=None), 0.0)


class ForgetsAtTakeOver(Farm):
    """Hands out again, after a take-over, what was handed out before it."""

    @override
    def adopt(
        self,
        jobs: Iterable[Job],
        nodes: Iterable[Node] = (),
        ceilings: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        found = list(jobs)
        for job in found:
            for step in job.steps:
                step.waiting.next_ordinal = min(step.waiting.next_ordinal, step.succeeded)
        super().adopt(found, nodes, ceilings)


MUTANTS: Mapping[type[Farm], str] = {
    NoLimits: "no_limit_is_exceeded",
    NoBursts: "no_burst_is_exceeded",
    YoungestFirst: "fifo_pools_keep_their_order",
    NoApproval: "nothing_begins_before_what_it_waits_for",
    NoDependencies: "nothing_begins_before_what_it_waits_for",
    AnyDevice: "orders_fit_their_machines",
    DevicesTwice: "no_machine_is_promised_twice",
    MemoryTwice: "no_machine_is_promised_twice",
    PlansInBeats: "nothing_waits_while_a_machine_idles",
    WorksDisabled: "orders_fit_their_machines",
    DeadPools: "every_job_ends",
    ForgetsAtTakeOver: "one_attempt_a_frame",
}
"""By each, the law by which it is found."""

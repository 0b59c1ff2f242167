"""Whatever the keeper decides, owners ask and machines do: every order is one that may be given.

The stage judges each turn by the laws of commits and of policies, and that nothing idles in vain;
in the end, with nothing held back any more, every job ends.
"""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test
from services.scheduler.tests.core import farms
from services.scheduler.tests.core.test_laws import NODES, AnyNight
from typing_extensions import override

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import AfterJob, Wanted
from lightmill.domain.policy import NodeWish, Policy
from lightmill.domain.resources import Offer
from lightmill.domain.states import JobState
from lightmill.messages.node_report import Outcome
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.simulation.invented_node import InventedNode
from lightmill.scheduler.simulation.laws import BrokenLawError
from lightmill.scheduler.simulation.policy_mutants import MUTANTS
from lightmill.scheduler.simulation.stage import Stage

_OVER = {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}
_MOST_JOBS = 9


class AnyPolicy(AnyNight):
    kind: type[Farm] = Farm

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[str, dict[str, Any]] = {}

    @initialize(
        offers=st.tuples(farms.OFFERS, farms.OFFERS, farms.OFFERS),
        policy=farms.POLICIES,
        jobs=st.lists(farms.JOBS, min_size=3, max_size=5),
    )
    def open(self, offers: tuple[Offer, ...], policy: Policy, jobs: list[dict[str, Any]]) -> None:
        nodes = (InventedNode(id=n, offer=o) for n, o in zip("abc", offers, strict=True))
        self.stage = Stage(*nodes, kind=self.kind)
        self.stage.decide(policy)
        for job in jobs:
            self.submit(job)
        self.stage.report()

    @rule(job=farms.JOBS)
    @precondition(lambda self: len(self.asked) < _MOST_JOBS)
    @override
    def submit(self, job: dict[str, Any]) -> None:
        same = [other for other, was in self.asked.items() if was["tenant"] == job["tenant"]]
        before = tuple(AfterJob(job_id=other, must_succeed=False) for other in same[-1:])
        hours = job["hours"]
        deadline = None if hours is None else self.stage.now + timedelta(hours=hours)
        spec = {"limits": tuple(job["limits"]), "pool": job["pool"], "deadline": deadline}
        self.ask(
            f"job{len(self.asked)}",
            **{name: job[name] for name in ("steps", "needs", "tenant", "user", "priority")},
            fifo=job["pool"] == "designs",
            spec=spec | {"after": before if job["follows"] else ()},
        )

    def ask(self, job_id: str, **changed: Any) -> None:  # noqa: ANN401  # whatever a stage is asked
        was = self.asked.setdefault(job_id, {})
        was |= changed
        after = was["spec"]["after"]
        states = {one.job_id: self.stage.state(one.job_id) for one in after}
        self.frames[job_id] = sum(len(step.frames) for step in was["steps"])
        self.stage.ask(job_id, **was, before=states)
        self.stage.now += timedelta(milliseconds=10)

    @rule(data=st.data(), wanted=st.sampled_from([Wanted.RUN] * 3 + [Wanted.CANCEL]))
    @precondition(lambda self: self.asked)
    @override
    def change(self, data: st.DataObject, wanted: Wanted) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.asked)))
        if self.stage.state(job_id) not in _OVER:
            paused, priority = data.draw(st.booleans()), data.draw(st.sampled_from([1, 50, 90]))
            self.ask(job_id, wanted=wanted, paused=paused, priority=priority)

    @rule(data=st.data())
    @precondition(lambda self: self.asked)
    def approve(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.asked)))
        if self.stage.state(job_id) not in _OVER:
            self.ask(job_id, approved=True)

    @rule(data=st.data())
    @precondition(lambda self: any(self.has_failed(job_id) for job_id in self.asked))
    def retry(self, data: st.DataObject) -> None:
        failed = [job_id for job_id in sorted(self.asked) if self.has_failed(job_id)]
        job_id = data.draw(st.sampled_from(failed))
        self.stage.bring_back(job_id)
        self.ask(job_id, retries_wanted=self.asked[job_id].get("retries_wanted", 0) + 1)

    def has_failed(self, job_id: str) -> bool:
        return self.stage.state(job_id) is JobState.FAILED

    @rule(policy=farms.POLICIES)
    def decree(self, policy: Policy) -> None:
        self.stage.decide(policy)

    @rule(name=NODES, wish=st.sampled_from(NodeWish))
    def wish(self, name: str, wish: NodeWish) -> None:
        self.stage.wish(name, wish)

    @rule(name=NODES)
    def leave(self, name: str) -> None:
        self.stage.beats(12, silent=(name,))

    @rule(name=NODES, offer=farms.OFFERS)
    def come_back_as_another(self, name: str, offer: Offer) -> None:
        node = self.stage.nodes[name]
        node.crash()
        node.offer = offer
        self.stage.report(name)

    @rule(kind=st.sampled_from(FailureKind), delivered=st.integers(0, 2), name=NODES)
    def fail_in_a_chunk(self, kind: FailureKind, delivered: int, name: str) -> None:
        node = self.stage.nodes[name]
        for attempt_id in list(node.running)[:1]:
            node.finish(attempt_id, Outcome.FAILED, kind, delivered=delivered)
        self.stage.report(name)

    @rule(policy=farms.POLICIES, rounds=st.integers(1, 12))
    def decree_and_render(self, policy: Policy, rounds: int) -> None:
        self.stage.decide(policy)
        self.render(rounds)

    @rule(rounds=st.integers(1, 12))
    def render(self, rounds: int) -> None:
        for _ in range(rounds):
            self.stage.beats()
            for name in self.stage.nodes:
                self.end(name, Outcome.SUCCEEDED, FailureKind.ENGINE)
                self.begin(name)

    @rule()
    def another_leader(self) -> None:
        self.stage.take_over()

    @override
    def teardown(self) -> None:
        stage = self.stage
        if not stage.sound:
            return
        stage.decide(farms.GENEROUS)
        stage.nodes["z"] = InventedNode(id="z", offer=farms.EVERYTHING)
        for name in stage.nodes:
            stage.wish(name, NodeWish.RUN)
        for job_id in self.asked:
            if stage.state(job_id) not in _OVER:
                self.ask(job_id, paused=False, approved=True)
        stage.now += timedelta(hours=1)  # whatever licence was lacking is there again
        self.paused.clear()
        super().teardown()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_farm_that_breaks_a_rule_is_found(mutant: type[Farm]) -> None:
    machine = type("Mutant", (AnyPolicy,), {"kind": mutant})
    hunt = settings(
        max_examples=1000,
        stateful_step_count=15,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises(BrokenLawError, match=MUTANTS[mutant]):
        run_state_machine_as_test(machine, settings=hunt)


TestAnyPolicy = AnyPolicy.TestCase
TestAnyPolicy.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],  # to make such a night shorter takes minutes
)

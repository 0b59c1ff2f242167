"""Whatever happens, in whatever order: no frame lost, none doubled, no machine overfilled."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from typing_extensions import override

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Wanted
from lightmill.domain.states import JobState
from lightmill.messages.node_report import Outcome
from lightmill.scheduler.simulation.invented_node import machine
from lightmill.scheduler.simulation.laws import hold
from lightmill.scheduler.simulation.stage import Stage

NODES = st.sampled_from(["a", "b", "c"])


class AnyNight(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(machine("a", 1), machine("b", 2), machine("c", 3))
        self.stage.report()
        self.frames: dict[str, int] = {}
        self.paused: set[str] = set()

    @rule(
        frames=st.integers(1, 6), chunk=st.integers(1, 3), test=st.booleans(), fifo=st.booleans()
    )
    @precondition(lambda self: len(self.frames) < 5)
    def submit(self, frames: int, chunk: int, test: bool, fifo: bool) -> None:  # noqa: FBT001  # drawn
        job_id = f"job{len(self.frames)}"
        self.frames[job_id] = frames
        self.stage.ask(job_id, f"1-{frames}", chunk=chunk, test="1" if test else None, fifo=fifo)

    @rule(data=st.data(), wanted=st.sampled_from(Wanted), paused=st.booleans())
    @precondition(lambda self: self.frames)
    def change(self, data: st.DataObject, wanted: Wanted, paused: bool) -> None:  # noqa: FBT001  # drawn
        job_id = data.draw(st.sampled_from(sorted(self.frames)))
        if self.stage.state(job_id) in {JobState.PENDING, JobState.PROCESSING}:
            (self.paused.add if paused else self.paused.discard)(job_id)
            self.stage.ask(job_id, wanted=wanted, paused=paused)

    @rule(name=NODES)
    def begin(self, name: str) -> None:
        self.stage.nodes[name].begin()
        self.stage.report(name)

    @rule(name=NODES, outcome=st.sampled_from(Outcome), kind=st.sampled_from(FailureKind))
    def end(self, name: str, outcome: Outcome, kind: FailureKind) -> None:
        node = self.stage.nodes[name]
        for attempt_id in list(node.running)[:1]:
            failure = kind if outcome is Outcome.FAILED else None
            wanted = Outcome.CANCELLED if outcome is Outcome.RECALLED else outcome
            node.finish(attempt_id, wanted, failure)
        self.stage.report(name)

    @rule(name=NODES)
    def crash(self, name: str) -> None:
        self.stage.nodes[name].crash()
        self.stage.report(name)

    @rule(name=NODES)
    def lose_the_connection(self, name: str) -> None:
        self.stage.nodes[name].reconnect()
        self.stage.report(name)

    @rule(name=NODES, number=st.integers(1, 8))
    def be_silent(self, name: str, number: int) -> None:
        self.stage.beats(number, silent=(name,))

    @rule(name=NODES)
    def repeat_a_report(self, name: str) -> None:
        fact = self.stage.nodes[name].report()
        self.stage.observe(fact, fact)

    @invariant()
    def counts_agree(self) -> None:
        for job in self.stage.farm.jobs:
            for step in job.steps:
                taken = step.succeeded + len(step.given_up) + step.outstanding
                assert taken + len(step.waiting) == step.waiting.total
                booked = sum(
                    n for (step_id, _), n in self.stage.results.items() if step_id == step.id
                )
                assert booked == step.succeeded

    @override
    def teardown(self) -> None:
        if not self.stage.sound:
            return  # what broke a law is told already
        for job_id in list(self.paused):
            if self.stage.state(job_id) in {JobState.PENDING, JobState.PROCESSING}:
                self.stage.ask(job_id, paused=False)
        self.stage.render_everything()
        left = [
            (job.id, str(step.state), len(step.waiting), list(step.running))
            for job in self.stage.farm.jobs
            for step in job.steps
        ]
        hold("every_job_ends", not left, left)
        for job_id, frames in self.frames.items():
            job = self.stage.jobs[job_id]
            if job.state is JobState.COMPLETED:
                assert job.succeeded == frames


TestAnyNight = AnyNight.TestCase
TestAnyNight.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

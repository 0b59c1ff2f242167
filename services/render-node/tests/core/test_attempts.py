"""Whatever is ordered in whatever order, the node's state stays sound."""

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from node_twins import assignment

from lightmill.domain.failures import FailureKind
from lightmill.domain.resources import Gpu, Offer
from lightmill.messages.attempts_settled import AttemptsSettled, SettledAttempt
from lightmill.messages.node_report import Outcome
from lightmill.messages.orders import Orders
from lightmill.render_node.core.attempts import Attempts
from lightmill.render_node.core.held import Phase

OFFER = Offer(cores=4, ram=2**30, gpus=(Gpu(index=0),))
names = st.sampled_from([f"a{number}" for number in range(12)])


class Orderly(RuleBasedStateMachine):
    """Drives the state as a leader and a machine do, both in any order they like."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts = Attempts(OFFER, max_waiting=5)
        self.asked: set[str] = set()
        self.answered: set[str] = set()
        self.refused: set[str] = set()
        self.now = 0.0

    @rule(
        name=names,
        cores=st.integers(1, 5),
        gpus=st.sampled_from([(), (0,)]),
        epoch=st.integers(1, 3),
    )
    def assign(self, name: str, cores: int, gpus: tuple[int, ...], epoch: int) -> None:
        order = assignment(name, cores=cores, gpus=gpus)
        known = name in self.attempts or name in self.answered
        obeyed = self.attempts.obey(Orders(epoch=epoch, beat=1, assign=(order,)), self.now)
        if obeyed is not None and not known:
            self.asked.add(name)
        if obeyed is not None and name in self.refused:
            assert name not in self.attempts or self.attempts[name].killed  # until it is gone

    @rule(name=names)
    def cancel(self, name: str) -> None:
        self._obey(Orders(epoch=self.attempts.epoch, beat=1, cancel=(name,)), name)
        assert name not in self.attempts or self.attempts[name].killed is Outcome.CANCELLED

    @rule(name=names)
    def recall(self, name: str) -> None:
        began = name in self.attempts and not self.attempts[name].recallable
        self._obey(Orders(epoch=self.attempts.epoch, beat=1, recall=(name,)), name)
        assert (name in self.attempts) == began

    @rule()
    def start(self) -> None:
        for held in self.attempts.startable():
            self.attempts.reserve(held.attempt_id)

    @rule(name=names)
    def advance(self, name: str) -> None:
        self.now += 1
        if name not in self.attempts:
            return
        held = self.attempts[name]
        if held.phase is Phase.STARTING:
            self.attempts.begin(name, self.now)
        elif held.phase is Phase.RENDERING:
            self.attempts.rendered(name)
        elif held.phase is Phase.DELIVERING:
            self.attempts.finish(held.ended(held.killed or Outcome.SUCCEEDED, self.now))

    @rule(name=names)
    def settle(self, name: str) -> None:
        finished = any(finish.attempt_id == name for finish in self.attempts.finishes)
        settled = AttemptsSettled(
            epoch=1, attempts=(SettledAttempt(attempt_id=name, applied=True),)
        )
        assert self.attempts.settle(settled) == ([name] if finished else [])
        if finished:
            self.answered.add(name)

    @invariant()
    def nothing_asked_for_is_ever_without_an_answer(self) -> None:
        held = {one.attempt_id for one in self.attempts.held}
        finished = {one.attempt_id for one in self.attempts.finishes}
        assert not held & finished
        assert self.asked <= held | finished | self.answered

    @invariant()
    def what_runs_fits_the_machine(self) -> None:
        using = [held.grant for held in self.attempts.held if held.uses_grant]
        assert sum(grant.cores for grant in using) <= OFFER.cores
        assert sum(grant.ram for grant in using) <= OFFER.ram
        gpus = [gpu for grant in using for gpu in grant.gpus]
        assert len(gpus) == len(set(gpus))

    @invariant()
    def few_wait(self) -> None:
        assert sum(held.phase is Phase.QUEUED for held in self.attempts.held) <= 6

    @invariant()
    def progress_is_a_share(self) -> None:
        assert all(0 <= held.progress <= 1 for held in self.attempts.shown(self.now))

    def _obey(self, orders: Orders, name: str) -> None:
        answered = name in self.answered
        assert self.attempts.obey(orders, self.now) is not None
        if not answered and not (orders.recall and name in self.attempts):
            self.refused.add(name)
            self.asked.add(name)


TestOrderly = Orderly.TestCase


def test_a_former_leader_changes_nothing() -> None:
    attempts = Attempts(OFFER, epoch=7)
    orders = Orders(epoch=6, beat=1, assign=(assignment("a"),), cancel=("b",), drain=True)
    assert attempts.obey(orders, 0.0) is None
    assert (attempts.epoch, attempts.held, attempts.finishes) == (7, (), ())
    assert not attempts.draining


def test_none_overtakes_the_one_that_waits_longest() -> None:
    attempts = Attempts(OFFER)
    orders = (assignment("a", cores=2), assignment("b", cores=4), assignment("c", cores=1))
    attempts.obey(Orders(epoch=1, beat=1, assign=orders), 0.0)
    assert [held.attempt_id for held in attempts.startable()] == ["a"]


def test_what_the_machine_never_has_fails_with_the_reason() -> None:
    attempts = Attempts(OFFER)
    attempts.obey(Orders(epoch=1, beat=1, assign=(assignment("a", gpus=(3,)),)), 0.0)
    [finish] = attempts.finishes
    assert (finish.outcome, finish.detail) == (Outcome.FAILED, "no GPU with index 3")


def test_a_node_whose_walls_are_too_low_for_the_pool_fails_with_the_reason() -> None:
    attempts = Attempts(replace(OFFER, sandbox="container"))
    weak, strong = assignment("a", sandbox="container"), assignment("b", sandbox="bubblewrap")
    attempts.obey(Orders(epoch=1, beat=1, assign=(weak, strong)), 0.0)
    assert [held.attempt_id for held in attempts.held] == ["a"]
    [finish] = attempts.finishes
    assert (finish.attempt_id, finish.failure) == ("b", FailureKind.NODE)
    assert finish.detail == "sandbox bubblewrap demanded, engines run at container here"


def test_a_draining_node_gives_orders_back() -> None:
    attempts = Attempts(OFFER)
    attempts.obey(Orders(epoch=1, beat=1, drain=True, assign=(assignment("a"),)), 0.0)
    assert [finish.outcome for finish in attempts.finishes] == [Outcome.RECALLED]
    attempts.obey(Orders(epoch=1, beat=1, drain=False, assign=(assignment("b"),)), 0.0)
    assert "b" in attempts

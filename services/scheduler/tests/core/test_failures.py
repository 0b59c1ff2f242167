"""What follows from each kind of failure, for frames, jobs and machines."""

import pytest

from lightmill.domain.failures import FailureKind, RetryPolicy
from lightmill.domain.policy import NodeWish
from lightmill.domain.resources import Needs
from lightmill.domain.states import JobState, NodeState
from lightmill.messages.node_report import Outcome
from lightmill.scheduler.core.attempts import MOST_TRIES
from lightmill.scheduler.core.facts import NodeAsked
from lightmill.scheduler.simulation.invented_node import InventedNode, machine
from lightmill.scheduler.simulation.stage import Stage


def stage(*nodes: InventedNode) -> Stage:
    made = Stage(*nodes)
    made.report()
    return made


def state_of(farm: Stage, name: str) -> NodeState:
    return next(node.state for node in farm.farm.nodes if node.id == name)


def test_what_ran_out_of_memory_gets_more_the_next_time() -> None:
    farm = stage(machine("a", ram=1000))
    farm.ask("job", "1", needs=Needs(cores=1, ram=100))
    farm.run_all("a", Outcome.FAILED, FailureKind.OUT_OF_MEMORY)
    farm.beats(3)
    assert [order.ram for order in farm.assigned] == [100, 150]


def test_what_ran_out_of_a_whole_machine_goes_to_a_larger_one() -> None:
    farm = stage(machine("small", ram=100), machine("large", ram=1000))
    farm.ask("blocker", "1", needs=Needs(cores=4, ram=1000))
    farm.ask("job", "1", needs=Needs())
    assert farm.held("small") == ["job"]
    farm.begin_all()
    farm.run_all("small", Outcome.FAILED, FailureKind.OUT_OF_MEMORY)
    farm.beats(3)
    assert farm.held("small") == []
    assert farm.held("large") == ["blocker", "job"]


def test_a_node_on_which_a_job_failed_three_times_gets_no_more_of_it() -> None:
    farm = stage(machine("good", cores=1), machine("bad", cores=1))
    farm.ask("job", "1-30")
    for _ in range(12):
        farm.run_all("bad", Outcome.FAILED)
        farm.beats(2)
    begun = [order for order in farm.assigned if farm.went[order.attempt_id] == "bad"]
    assert len(begun) <= 5
    farm.render_everything()
    assert farm.state("job") is JobState.COMPLETED


def test_the_only_machine_is_never_barred() -> None:
    farm = stage(machine("a", cores=1))
    farm.ask("job", "1", spec={"retry": RetryPolicy(retries=20, first_wait=0.01)})
    for _ in range(6):
        farm.run_all("a", Outcome.FAILED)
        farm.beats(300)
    assert len(farm.assigned) == 7


def fail_three_jobs_on(farm: Stage, bad: str) -> None:
    for number in range(3):
        farm.ask(f"job{number}", "1-40", user=f"user{number}", needs=Needs(cores=1, ram=1))
    for _ in range(10):
        for name in farm.nodes:
            farm.run_all(name, Outcome.FAILED if name == bad else Outcome.SUCCEEDED)
        farm.beats(2)


def test_a_node_on_which_several_jobs_fail_in_a_row_is_taken_out_and_forgiven() -> None:
    farm = stage(*(machine(name, cores=1) for name in ("bad", "good", "fine")))
    fail_three_jobs_on(farm, "bad")
    assert state_of(farm, "bad") is NodeState.QUARANTINED
    assert farm.held("bad") == []
    farm.ask("more", "1-5000")
    farm.beats(620)
    assert state_of(farm, "bad") is NodeState.ONLINE
    assert farm.held("bad") != []


def test_a_person_may_forgive_a_node() -> None:
    farm = stage(*(machine(name, cores=1) for name in ("bad", "good", "fine")))
    fail_three_jobs_on(farm, "bad")
    farm.observe(NodeAsked(node_id="bad", wish=NodeWish.RUN, forgiven=1))
    assert state_of(farm, "bad") is NodeState.ONLINE


def test_jobs_that_fail_wherever_they_go_take_no_machine_down() -> None:
    farm = stage(*(machine(name, cores=1) for name in "abc"))
    for number in range(5):
        farm.ask(f"broken{number}", "1-4")
    for _ in range(40):
        for name in farm.nodes:
            farm.run_all(name, Outcome.FAILED)
        farm.beats(2)
    assert {state_of(farm, name) for name in "abc"} == {NodeState.ONLINE}


def test_a_job_of_which_too_many_frames_fail_stops() -> None:
    farm = stage(machine("a", cores=1))
    farm.ask("job", "1-1000", spec={"failure_budget": 2, "retry": RetryPolicy(retries=0)})
    for _ in range(4):
        farm.run_all("a", Outcome.FAILED)
        farm.beats(1)
    assert farm.state("job") is JobState.FAILED
    assert len(farm.assigned) <= 5
    assert "more than the 2 allowed" in str(farm.jobs["job"].steps[0].job.error)


def test_a_frame_that_takes_its_node_down_wherever_it_goes_is_given_up() -> None:
    farm = stage(machine("a", cores=1))
    farm.ask("poison", "1")
    for _ in range(MOST_TRIES):
        farm.nodes["a"].crash()
        farm.report("a")
    assert farm.state("poison") is JobState.FAILED


@pytest.mark.parametrize(
    ("wish", "state"),
    [(NodeWish.DRAIN, NodeState.DRAINING), (NodeWish.DISABLE, NodeState.DISABLED)],
)
def test_a_node_that_is_to_stop_finishes_what_runs_and_gets_nothing_more(
    wish: NodeWish, state: NodeState
) -> None:
    farm = stage(machine("a", cores=1))
    farm.ask("job", "1-9")
    farm.begin_all()
    farm.observe(NodeAsked(node_id="a", wish=wish))
    assert state_of(farm, "a") is state
    farm.run_all("a")
    begun = len(farm.assigned)
    farm.beats(3)
    assert len(farm.assigned) == begun
    farm.observe(NodeAsked(node_id="a", wish=NodeWish.RUN))
    assert len(farm.assigned) > begun


def test_a_wish_about_a_node_that_has_not_come_yet_is_kept() -> None:
    farm = Stage(machine("a"))
    farm.observe(NodeAsked(node_id="a", wish=NodeWish.DISABLE))
    farm.report()
    assert state_of(farm, "a") is NodeState.DISABLED


def test_a_job_that_is_retried_while_a_frame_of_it_waits_loses_its_turn_to_nobody() -> None:
    farm = stage(machine("a", cores=2), machine("b", cores=1))
    farm.ask("job", "1-9", spec={"retry": RetryPolicy(first_wait=5.0)})
    farm.run_all("b", Outcome.FAILED)
    node = farm.nodes["a"]
    node.finish(next(iter(node.held)), Outcome.FAILED, FailureKind.MISSING_FILE)
    farm.report()
    assert farm.state("job") is JobState.FAILED
    farm.bring_back("job")
    farm.ask("job", retries_wanted=1)
    farm.beats(7)
    farm.run_all("a")
    assert farm.held("a")

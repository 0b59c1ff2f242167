from dataclasses import replace
from datetime import timedelta

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Wanted
from lightmill.domain.resources import Gpu, Needs, Offer
from lightmill.domain.states import JobState, NodeState, StepState
from lightmill.messages.node_report import Outcome
from lightmill.scheduler.core.facts import BeatPassed, NodeReported, OrderReturned
from lightmill.scheduler.simulation.invented_node import InventedNode, machine
from lightmill.scheduler.simulation.stage import Stage


def stage(*nodes: InventedNode) -> Stage:
    made = Stage(*(nodes or (machine("a"),)))
    made.report()
    return made


def test_a_job_is_rendered_and_completes() -> None:
    farm = stage()
    farm.ask("job", "1-10")
    farm.render_everything()
    assert farm.state("job") is JobState.COMPLETED
    assert sorted(farm.frames_of("job")) == list(range(1, 11))


def test_work_that_waits_is_a_range_and_costs_nothing() -> None:
    farm = stage()
    farm.ask("job", "1-1000000")
    assert len(farm.last.born) == 5
    farm.ask("job", "1-1000000", wanted=Wanted.CANCEL)
    assert farm.state("job") is JobState.CANCELLED
    assert len(farm.last.moved) == 5


def test_a_higher_priority_goes_first_then_first_come() -> None:
    farm = stage(machine("a", cores=1))
    farm.ask("first", "1-3")
    farm.now += timedelta(seconds=1)
    farm.ask("second", "1-2")
    farm.now += timedelta(seconds=1)
    farm.ask("urgent", "1-2", priority=75)
    farm.render_everything()
    order = [assignment.job_id for assignment in farm.assigned]
    assert order[2:] == ["urgent", "urgent", "first", "second", "second"]


def test_test_frames_go_before_the_others_and_no_frame_renders_twice() -> None:
    farm = stage()
    farm.ask("job", "1-6", test="3")
    assert farm.frames_of("job") == [3]
    farm.render_everything()
    assert farm.state("job") is JobState.COMPLETED
    assert sorted(farm.frames_of("job")) == [1, 2, 3, 4, 5, 6]


def test_a_failed_test_frame_stops_the_job_when_asked_to() -> None:
    farm = stage()
    farm.ask("job", "1-6", test="3", stop=True)
    for _ in range(10):
        farm.run_all("a", Outcome.FAILED)
        farm.beats(9)
    assert farm.state("job") is JobState.FAILED
    assert set(farm.frames_of("job")) == {3}
    assert [step.state for step in farm.jobs["job"].steps] == [StepState.FAILED] * 2


def test_a_failed_test_frame_without_stop_lets_the_others_go_on() -> None:
    farm = stage()
    farm.ask("job", "1-4", test="3", stop=False)
    for _ in range(4):
        farm.run_all("a", Outcome.FAILED)
        farm.beats(9)
    farm.render_everything()
    assert farm.state("job") is JobState.FAILED
    assert sorted(set(farm.frames_of("job"))) == [1, 2, 3, 4]
    assert farm.jobs["job"].succeeded == 3


def test_a_failure_is_tried_again_three_times_after_1_2_and_4_seconds() -> None:
    farm = stage()
    farm.ask("job", "1")
    waits = []
    for _ in range(4):
        farm.run_all("a", Outcome.FAILED)
        failed_at = farm.now
        before = len(farm.assigned)
        for _ in range(8):
            if len(farm.assigned) == before:
                farm.beats()
        waits.append((farm.now - failed_at).total_seconds())
    assert [round(wait / 1.2) >= least for wait, least in zip(waits, (1, 2, 4), strict=False)]
    assert len(farm.assigned) == 4
    assert farm.state("job") is JobState.FAILED
    assert farm.jobs["job"].error == "frame 1: engine"


def test_a_missing_scene_fails_the_step_at_once() -> None:
    farm = stage()
    farm.ask("job", "1-100")
    node = farm.nodes["a"]
    first = next(iter(node.held))
    node.finish(first, Outcome.FAILED, FailureKind.MISSING_FILE)
    farm.report()
    assert farm.state("job") is JobState.FAILED
    assert len(farm.assigned) == 5


def test_a_retry_takes_back_failed_frames_and_those_never_begun() -> None:
    farm = stage()
    farm.ask("job", "1-20")
    node = farm.nodes["a"]
    node.finish(next(iter(node.held)), Outcome.FAILED, FailureKind.MISSING_FILE)
    farm.report()
    farm.farm.adopt([farm.jobs["job"]])
    farm.ask("job", "1-20", retries_wanted=1)
    assert farm.state("job") is JobState.PROCESSING
    farm.render_everything()
    assert farm.state("job") is JobState.COMPLETED
    assert sum(farm.results.values()) == 20


def test_a_failed_frame_avoids_its_node_while_another_fits() -> None:
    farm = stage(machine("a", cores=1), machine("b", cores=1))
    farm.ask("job", "1")
    (name,) = [n for n, node in farm.nodes.items() if node.held]
    farm.run_all(name, Outcome.FAILED)
    farm.beats(3)
    (other,) = [n for n, node in farm.nodes.items() if node.held]
    assert other != name


def test_the_lease_runs_out_in_the_leaders_own_ticks() -> None:
    farm = stage(machine("a", cores=1), machine("b", cores=1))
    farm.ask("job", "1")
    (name,) = [n for n, node in farm.nodes.items() if node.held]
    lost = next(iter(farm.nodes[name].held))
    farm.beats(6, silent=(name,))
    assert len(farm.assigned) == 2
    farm.nodes[name].running.add(lost)
    farm.nodes[name].finish(lost)
    farm.report(name)
    assert farm.settled[lost] is False
    farm.render_everything()
    assert farm.state("job") is JobState.COMPLETED


def test_a_long_attempt_has_a_longer_lease() -> None:
    farm = stage(machine("a", cores=1), machine("b", cores=1))
    farm.ask("job", "1")
    (name,) = [n for n, node in farm.nodes.items() if node.held]
    fact = farm.nodes[name].report()
    held = replace(fact.report.held[0], running_seconds=200.0)
    farm.observe(NodeReported(fact.report.model_copy(update={"held": (held,)})))
    farm.beats(15, silent=(name,))
    assert len(farm.assigned) == 1


def test_an_attempt_that_a_new_session_does_not_list_is_lost_at_once() -> None:
    farm = stage()
    farm.ask("job", "1")
    farm.report()
    farm.nodes["a"].crash()
    farm.report()
    assert len(farm.assigned) == 2
    farm.render_everything()
    assert farm.state("job") is JobState.COMPLETED


def test_an_attempt_that_a_new_session_lists_goes_on() -> None:
    farm = stage()
    farm.ask("job", "1")
    farm.report()
    farm.nodes["a"].reconnect()
    farm.report()
    farm.render_everything()
    assert len(farm.assigned) == 1
    assert farm.state("job") is JobState.COMPLETED


def test_an_order_that_came_back_is_handed_out_again() -> None:
    farm = stage()
    farm.ask("job", "1")
    lost = farm.assigned[0].attempt_id
    farm.nodes["a"].held.clear()
    farm.observe(OrderReturned(session="00000001", attempt_ids=(lost,)))
    assert len(farm.assigned) == 1
    farm.report()
    assert len(farm.assigned) == 2


def test_an_end_that_is_told_again_is_answered_once_in_two_beats() -> None:
    """Its answer may be on the way; were it lost, it comes again."""
    farm = stage()
    farm.ask("job", "1")
    (attempt_id,) = farm.nodes["a"].held
    farm.nodes["a"].finish(attempt_id)
    finish = farm.nodes["a"].finishes[attempt_id]

    def is_answered() -> bool:
        farm.nodes["a"].finishes[attempt_id] = finish
        farm.settled.clear()
        farm.report()
        return attempt_id in farm.settled

    answers = [is_answered(), is_answered()]
    for _ in range(4):
        farm.beats(silent=("a",))
        answers.append(is_answered())
    assert answers == [True, False, False, True, False, True]


def test_cancelling_wins_over_a_later_finish() -> None:
    farm = stage()
    farm.ask("job", "1-2")
    held = list(farm.nodes["a"].held)
    for attempt_id in held:
        farm.nodes["a"].finish(attempt_id)
    finished = farm.nodes["a"].report()
    farm.ask("job", "1-2", wanted=Wanted.CANCEL)
    assert sorted(farm.cancelled) == sorted(held)
    farm.observe(finished)
    assert farm.settled == dict.fromkeys(held, False)
    assert not farm.results


def test_cancelling_keeps_the_node_occupied_until_it_says_that_the_attempt_is_gone() -> None:
    farm = stage(machine("a", cores=1))
    farm.ask("job", "1")
    attempt_id = farm.assigned[0].attempt_id
    farm.nodes["a"].running.add(attempt_id)
    farm.report()
    held = farm.nodes["a"].held.copy()
    farm.ask("job", "1", wanted=Wanted.CANCEL)
    farm.nodes["a"].finishes.clear()
    farm.nodes["a"].held = held  # the kill takes its time
    farm.ask("next", "1", fifo=True)
    farm.report()
    assert farm.frames_of("next") == []
    farm.report()  # the order to kill was repeated, and now it is gone
    assert farm.frames_of("next") == [1]


def test_pausing_hands_out_nothing_and_recalls_what_has_not_begun() -> None:
    farm = stage(machine("a", cores=1))
    farm.ask("job", "1-4")
    first = farm.assigned[0].attempt_id
    farm.nodes["a"].running.add(first)
    farm.report()
    farm.ask("job", "1-4", paused=True)
    assert farm.recalled == [farm.assigned[1].attempt_id]
    farm.beats(3)
    assert len(farm.assigned) == 2
    farm.ask("job", "1-4", paused=False)
    farm.render_everything()
    assert farm.state("job") is JobState.COMPLETED
    assert sum(farm.results.values()) == 4


def test_idle_nodes_of_one_kind_get_equal_load() -> None:
    farm = stage(*(machine(name, cores=4) for name in "abc"))
    farm.ask("job", "1-9")
    assert [len(node.held) for node in farm.nodes.values()] == [3, 3, 3]


def test_a_task_without_stated_needs_takes_the_whole_machine() -> None:
    farm = stage(machine("a", cores=8))
    farm.ask("job", "1-9", needs=Needs())
    assert [(a.cores, a.ram) for a in farm.assigned] == [(8, 100), (8, 100)]


def test_a_task_that_states_cores_alone_gets_its_share_of_the_memory() -> None:
    farm = stage(machine("a", cores=4))
    farm.ask("job", "1-9", needs=Needs(cores=2))
    assert [(a.cores, a.ram) for a in farm.assigned] == [(2, 50)] * 3


def test_devices_are_granted_once() -> None:
    offer = Offer(
        cores=4, ram=100, engines={"blender": ("4.5",)}, gpus=(Gpu(index=0), Gpu(index=1))
    )
    farm = stage(InventedNode(id="a", offer=offer))
    farm.ask("job", "1-9", needs=Needs(cores=1, ram=1, gpus=1))
    assert sorted(a.gpus for a in farm.assigned) == [(0,), (1,)]


def test_a_chunk_that_fails_gives_back_the_rest_without_blame() -> None:
    farm = stage(machine("a", cores=1))
    farm.ask("job", "1-4", chunk=4)
    attempt_id = farm.assigned[0].attempt_id
    farm.nodes["a"].finish(attempt_id, Outcome.FAILED, FailureKind.ENGINE, delivered=1)
    farm.report()
    assert sum(farm.results.values()) == 1
    farm.beats(3)
    farm.render_everything()
    assert farm.state("job") is JobState.COMPLETED
    assert sorted(farm.frames_of("job")) == [1, 2, 2, 3, 3, 4, 4]


def test_a_silent_node_goes_offline_and_comes_back() -> None:
    farm = stage()
    farm.beats(12, silent=("a",))
    assert next(iter(farm.farm.nodes)).state is NodeState.OFFLINE
    farm.report()
    assert next(iter(farm.farm.nodes)).state is NodeState.ONLINE


def test_an_overtaken_report_is_ignored() -> None:
    farm = stage()
    old = farm.nodes["a"].report()
    farm.ask("job", "1")
    farm.report()
    farm.observe(old)
    farm.beats(1)
    assert len(farm.assigned) == 1


def test_a_node_whose_clock_was_set_back_is_heard_again() -> None:
    farm = stage()
    farm.nodes["a"].session = 9
    farm.report()
    farm.nodes["a"].session = 5
    farm.ask("job", "1")
    farm.beats(12)
    farm.render_everything()
    assert farm.state("job") is JobState.COMPLETED


def test_what_is_cancelled_before_its_node_has_listed_it_keeps_its_room() -> None:
    farm = stage(machine("a", cores=1))
    farm.ask("job", "1")
    node = farm.nodes["a"]
    early = NodeReported(node.report().report.model_copy(update={"held": ()}))
    late, node.held = node.held, {}  # the order is still under way
    farm.ask("job", "1", wanted=Wanted.CANCEL)
    node.finishes.clear()
    farm.ask("next", "1", fifo=True)
    farm.observe(early)
    assert farm.frames_of("next") == []
    node.held = late  # it has come, and its engine takes its time to die
    farm.report()
    assert farm.frames_of("next") == []
    farm.report()
    assert farm.frames_of("next") == [1]


def test_beats_that_were_under_way_before_an_order_left_do_not_count_against_it() -> None:
    farm = stage(machine("a", cores=1))
    silent = farm.nodes["a"].report()
    farm.ask("job", "1")
    farm.farm.left(farm.last.born, 9)  # the commit took nine seconds
    for _ in range(9):
        farm.observe(BeatPassed())
    farm.observe(silent)
    farm.report()
    farm.render_everything()
    assert len(farm.assigned) == 1
    assert farm.state("job") is JobState.COMPLETED


def test_a_late_report_of_the_session_before_a_clock_was_set_back_is_ignored() -> None:
    farm = stage(machine("a", cores=1))
    farm.nodes["a"].session = 9
    farm.report()
    late = farm.nodes["a"].report()
    farm.beats(12, silent=("a",))
    farm.nodes["a"].session, farm.nodes["a"].sequence = 5, 0
    farm.report()
    farm.ask("job", "1")
    farm.report()
    farm.observe(late)
    farm.render_everything()
    assert len(farm.assigned) == 1

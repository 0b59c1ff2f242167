"""Wide tasks do not starve; short work goes before them where it does them no harm."""

from lightmill.domain.resources import Needs
from lightmill.domain.states import AttemptState, JobState
from lightmill.scheduler.simulation.invented_node import machine
from lightmill.scheduler.simulation.stage import Stage

_WIDE = Needs(cores=4, ram=4)


def stage(*names: str) -> Stage:
    made = Stage(*(machine(name, cores=4) for name in names))
    made.report()
    return made


def end_one_each(farm: Stage) -> None:
    for name, node in farm.nodes.items():
        if node.held:
            first = next(iter(node.held))
            node.running.add(first)
            node.finish(first)
            farm.report(name)


def test_a_wide_task_gets_a_machine_although_narrow_ones_would_fill_every_gap() -> None:
    farm = stage("a", "b")
    farm.ask("narrow", "1-1000", user="ann", needs=Needs(cores=1, ram=1))
    farm.ask("wide", "1", user="bob", needs=_WIDE)
    for _ in range(60):
        farm.beats()
        end_one_each(farm)
        if farm.frames_of("wide"):
            break
    assert farm.frames_of("wide") == [1]


def test_a_task_that_states_nothing_gets_a_machine_too() -> None:
    farm = stage("a", "b")
    farm.ask("narrow", "1-1000", user="ann", needs=Needs(cores=1, ram=1))
    farm.ask("whole", "1", user="bob", needs=Needs())
    for _ in range(60):
        farm.beats()
        end_one_each(farm)
    assert farm.frames_of("whole") == [1]


def test_at_most_half_of_the_machines_are_kept() -> None:
    farm = stage("a", "b", "c", "d")
    farm.ask("narrow", "1-1000", user="ann", needs=Needs(cores=1, ram=1))
    farm.begin_all()
    farm.ask("wide", "1-100", user="bob", needs=_WIDE)
    farm.beats(40)
    kept = [node for node in farm.farm.nodes if node.reserved is not None]
    assert 1 <= len(kept) <= 2


def test_a_machine_is_kept_no_longer_than_someone_waits_for_it() -> None:
    farm = stage("a", "b")
    farm.ask("narrow", "1-1000", user="ann", needs=Needs(cores=1, ram=1))
    farm.begin_all()
    farm.ask("wide", "1", user="bob", needs=_WIDE)
    farm.beats(20)
    assert any(node.reserved for node in farm.farm.nodes)
    farm.ask("wide", "1", user="bob", needs=_WIDE, paused=True)
    farm.beats(2)
    assert not any(node.reserved for node in farm.farm.nodes)


def test_work_of_higher_priority_ends_other_work_only_where_that_is_allowed() -> None:
    for allowed in (False, True):
        farm = stage("a")
        farm.decree(preemption=allowed)
        farm.ask("low", "1-8", user="ann")
        farm.begin_all()
        farm.ask("high", "1", user="bob", priority=90, needs=_WIDE)
        farm.beats(3)
        farm.report()
        assert (farm.frames_of("high") == [1]) is allowed


def test_what_waits_on_a_busy_machine_ends_lower_work_there_and_no_more_than_it_needs() -> None:
    for allowed in (False, True):
        farm = stage("a")
        farm.decree(preemption=allowed)
        farm.ask("low", "1-2", user="ann", needs=Needs(cores=2, ram=1))
        farm.begin_all()
        farm.ask("high", "1", user="bob", priority=90, needs=Needs(cores=2, ram=1))
        assert farm.assigned[-1].job_id == "high"  # the order is there already
        farm.beats(3, silent=("a",))  # and what it has ended is not known to be gone
        assert len(farm.cancelled) == allowed
        farm.begin_all()
        node = farm.nodes["a"]
        running = sorted(node.held[attempt_id].job_id for attempt_id in node.running)
        assert running == (["high", "low"] if allowed else ["low", "low"])


def test_what_was_ended_for_other_work_is_rendered_later_and_uses_no_retry() -> None:
    farm = stage("a")
    farm.decree(preemption=True)
    farm.ask("low", "1-4", user="ann")
    farm.begin_all()
    farm.ask("high", "1", user="bob", priority=90, needs=_WIDE)
    farm.beats(3)
    farm.render_everything()
    assert farm.state("low") is farm.state("high") is JobState.COMPLETED
    assert AttemptState.FAILED not in {move.attempt.state for move in farm.last.moved}


def test_a_task_of_more_cores_and_no_more_memory_gets_a_machine_too() -> None:
    farm = Stage(machine("a", cores=5), machine("b", cores=6))
    farm.report()
    farm.ask("narrow", "1-1000", user="ann", needs=Needs(cores=1, ram=1))
    farm.begin_all()
    farm.ask("wider", "1", user="bob", needs=Needs(cores=2, ram=1))
    for _ in range(60):
        farm.beats()
        end_one_each(farm)
    assert farm.frames_of("wider") == [1]

"""Orders that wait on a busy node, so that it never waits for its next."""

import pytest

from lightmill.domain.resources import Needs
from lightmill.domain.states import JobState
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.simulation.invented_node import InventedNode, machine
from lightmill.scheduler.simulation.stage import Stage


def stage(*nodes: InventedNode) -> Stage:
    made = Stage(*(nodes or (machine("a"),)))
    made.report()
    return made


def test_one_order_more_than_fits_waits_on_the_node() -> None:
    farm = stage(machine("a", cores=2))
    farm.ask("job", "1-10")
    assert len(farm.assigned) == 3


def test_work_that_waits_on_a_busy_node_is_called_back_for_an_idle_one() -> None:
    farm = stage(machine("a", cores=1))
    farm.ask("job", "1-2")
    farm.nodes["a"].running.add(farm.assigned[0].attempt_id)
    farm.nodes["b"] = machine("b", cores=1)
    farm.beats(2)
    assert farm.recalled == [farm.assigned[1].attempt_id]
    assert len(farm.nodes["b"].held) == 1


def test_designs_never_wait_on_a_node_so_that_they_start_in_order() -> None:
    farm = stage(machine("a", cores=1))
    farm.ask("one", "1", fifo=True)
    farm.ask("two", "1", fifo=True)
    assert [a.job_id for a in farm.assigned] == ["one"]


def test_nothing_is_handed_out_behind_work_that_waits_for_room() -> None:
    farm = stage(machine("a", cores=2))
    farm.ask("small", "1")
    farm.ask("wide", "1", needs=Needs(cores=2, ram=1))
    farm.ask("late", "1")
    assert [a.job_id for a in farm.assigned] == ["small", "wide"]
    farm.render_everything()
    assert farm.state("late") is JobState.COMPLETED


@pytest.mark.parametrize(("seconds", "waiting"), [(0.001, 8), (0.2, 4), (1.0, 1), (9.0, 1)])
def test_as_many_orders_wait_on_a_node_as_end_within_a_breath(
    seconds: float, waiting: int
) -> None:
    farm = stage(machine("a", cores=8))
    farm.ask("job", "1-100")
    node, known = farm.nodes["a"], next(iter(farm.farm.nodes))
    assert (len(known.held), len(known.ahead)) == (8, 1)
    node.begin()
    for attempt_id in list(node.running)[:4]:
        node.finish(attempt_id, seconds=seconds)
    farm.report()
    assert (len(known.held), len(known.ahead)) == (8, waiting)
    farm.ask("wide", "1", needs=Needs(cores=2, ram=1), priority=9)
    assert {attempt.cores for attempt in known.ahead.values()} == {1}
    farm.render_everything()
    assert farm.state("job") is farm.state("wide") is JobState.COMPLETED


def test_what_nobody_has_measured_waits_behind_no_short_tasks() -> None:
    farm = stage(machine("a", cores=8))
    farm.ask("short", "1-17")
    node, known = farm.nodes["a"], next(iter(farm.farm.nodes))
    node.begin()
    for attempt_id in list(node.running)[:4]:
        node.finish(attempt_id, seconds=0.001)
    farm.report()
    waiting = len(known.ahead)
    assert 1 < waiting < 8
    farm.ask("unmeasured", "1-3", priority=9)
    assert len(known.ahead) == waiting


def test_a_new_leader_knows_what_waits_on_a_node_outside_its_capacity() -> None:
    farm = stage(machine("a", cores=2))
    farm.ask("job", "1-9")
    farm.report()
    successor = Farm(beat=1.0, new_id=lambda: "", now=farm.now)
    known = next(iter(farm.farm.nodes))
    again = Node(id="a", name="a", session=known.session, offer=known.offer)
    successor.adopt(farm.farm.jobs, [again])
    assert (len(again.held), len(again.ahead), again.free_cores) == (2, 1, 0)

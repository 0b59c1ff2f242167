"""Who gets what when not everything fits where it should go."""

from datetime import timedelta

from typing_extensions import override

from lightmill.domain.resources import Needs
from lightmill.domain.states import JobState
from lightmill.messages.node_report import Outcome
from lightmill.scheduler.core.facts import Fact, JobAsked
from lightmill.scheduler.simulation.invented_node import InventedNode, machine
from lightmill.scheduler.simulation.stage import Stage


def stage(*nodes: InventedNode) -> Stage:
    made = Stage(*nodes)
    made.report()
    return made


def test_a_failed_frame_that_avoids_its_node_does_not_hold_up_the_others() -> None:
    farm = stage(machine("a", cores=1), machine("b", cores=1))
    farm.ask("long", "1", fifo=True)
    (busy,) = [n for n, node in farm.nodes.items() if node.held]
    (free,) = [n for n, node in farm.nodes.items() if not node.held]
    farm.ask("job", "1-3", fifo=True)
    assert farm.frames_of("job") == [1]
    farm.run_all(free, Outcome.FAILED)
    farm.beats(3)
    assert farm.frames_of("job") == [1, 2]
    farm.run_all(free)
    farm.run_all(free)
    assert farm.frames_of("job") == [1, 2, 3]
    farm.run_all(busy)
    farm.beats()
    assert farm.frames_of("job") == [1, 2, 3, 1]
    farm.render_everything()
    assert farm.state("job") is JobState.COMPLETED


def test_a_failed_frame_does_not_hold_up_one_that_failed_elsewhere() -> None:
    farm = stage(machine("a", cores=1), machine("b", cores=1))
    farm.ask("job", "1-2", fifo=True)
    farm.run_all("b", Outcome.FAILED)
    farm.now += timedelta(milliseconds=500)
    farm.run_all("a", Outcome.FAILED)
    farm.ask("long", "1", needs=Needs(cores=1, ram=1, tags=("a",)))
    assert farm.nodes["a"].held
    farm.beats(3)
    # The machine that is free is the one that frame 2 failed on; frame 1 failed on the other.
    assert farm.frames_of("job") == [1, 2, 1]


def test_a_clock_set_back_delays_no_frame_for_longer_than_its_wait() -> None:
    farm = stage(machine("a", cores=1))
    farm.ask("job", "1")
    farm.nodes["a"].crash()
    farm.nodes["a"].held.clear()
    farm.report()
    farm.run_all("a", Outcome.FAILED)
    farm.now -= timedelta(hours=1)
    farm.beats(5)
    assert farm.frames_of("job") == [1, 1, 1]


class Noted(Stage):
    def __init__(self, *nodes: InventedNode) -> None:
        super().__init__(*nodes)
        self.asked: list[Fact] = []

    @override
    def observe(self, *facts: Fact) -> None:
        self.asked += [fact for fact in facts if isinstance(fact, JobAsked)]
        super().observe(*facts)


def test_an_old_doorbell_of_a_job_that_has_ended_leaves_nothing_in_memory() -> None:
    farm = Noted(machine("a", cores=1))
    farm.ask("job", "1")
    farm.render_everything()
    farm.farm.adopt([farm.jobs["job"]])
    farm.observe(*farm.asked)
    assert list(farm.farm.jobs) == []

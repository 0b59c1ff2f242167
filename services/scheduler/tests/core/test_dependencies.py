"""What waits for another step, for the same frame of it, for a person, or for another job."""

import pytest

from lightmill.domain.frames import FrameSet
from lightmill.domain.job import After, AfterJob, FrameOrder, StepSpec, steps_with_test
from lightmill.domain.states import JobState, StepState
from lightmill.messages.node_report import Outcome
from lightmill.scheduler.simulation.invented_node import machine
from lightmill.scheduler.simulation.stage import Stage

_FRAMES = FrameSet.parse("1-4")
_EACH = (
    StepSpec(name="sim", frames=_FRAMES, chunk=1),
    StepSpec(name="render", frames=_FRAMES, chunk=1, after=(After(step="sim", each=True),)),
)


def stage(cores: int = 1) -> Stage:
    made = Stage(machine("a", cores=cores))
    made.report()
    return made


def steps_of(farm: Stage) -> list[str]:
    names = {step.id: step.spec.name for step in farm.jobs["job"].steps}
    return [f"{names[a.step_id]} {f.frame}" for a in farm.assigned for f in a.frames]


def test_a_frame_waits_for_the_same_frame_alone() -> None:
    farm = stage()
    farm.ask("job", steps=_EACH)
    assert farm.jobs["job"].steps[1].state is StepState.BLOCKED
    farm.render_everything()
    told = steps_of(farm)
    assert told.index("render 1") < told.index("sim 4")
    assert all(told.index(f"sim {n}") < told.index(f"render {n}") for n in range(1, 5))
    assert farm.state("job") is JobState.COMPLETED


def test_a_frame_given_up_takes_its_followers_with_it_and_a_retry_brings_both_back() -> None:
    farm = stage()
    farm.ask("job", steps=_EACH, spec={"failure_budget": 100})
    while farm.state("job") in {JobState.PENDING, JobState.PROCESSING}:
        node = farm.nodes["a"]
        for attempt_id, order in list(node.held.items()):
            broken = steps_of(farm) and order.frames[0].frame == 2
            node.running.add(attempt_id)
            node.finish(attempt_id, Outcome.FAILED if broken else Outcome.SUCCEEDED)
        farm.beats(5)
    assert farm.state("job") is JobState.FAILED
    assert {step.succeeded for step in farm.jobs["job"].steps} == {3}
    assert {tuple(step.given_up) for step in farm.jobs["job"].steps} == {(1,)}
    farm.farm.adopt([farm.jobs["job"]])
    farm.ask("job", steps=_EACH, retries_wanted=1)
    farm.render_everything()
    assert farm.state("job") is JobState.COMPLETED


def test_a_follower_that_needs_no_success_goes_on_without() -> None:
    lax = (_EACH[0], StepSpec(name="render", frames=_FRAMES, after=(_lax(),)))
    farm = stage()
    farm.ask("job", steps=lax)
    for _ in range(40):
        node = farm.nodes["a"]
        for attempt_id, order in list(node.held.items()):
            node.running.add(attempt_id)
            fails = order.step_id == farm.jobs["job"].steps[0].id
            node.finish(attempt_id, Outcome.FAILED if fails else Outcome.SUCCEEDED)
        farm.beats(5)
    assert farm.jobs["job"].steps[1].state is StepState.SUCCEEDED


def _lax() -> After:
    return After(step="sim", each=True, must_succeed=False)


def test_a_new_leader_knows_which_frames_still_wait_for_theirs() -> None:
    farm = stage()
    farm.ask("job", steps=_EACH)
    farm.run_all("a")
    job = farm.jobs["job"]
    locked = job.steps[1].waiting.locked
    job.steps[1].waiting.locked = 0
    other = Stage(machine("a"))
    other.farm.adopt([job], farm.farm.nodes)
    assert job.steps[1].waiting.locked == locked > 0


def test_after_its_test_frames_a_job_waits_for_a_person_when_asked_to() -> None:
    frames = FrameSet.parse("1-4")
    steps = steps_with_test(frames, FrameSet.parse("2"), stop=True, approval=True)
    farm = stage()
    farm.ask("job", steps=steps)
    farm.run_all("a")
    farm.beats(3)
    assert farm.frames_of("job") == [2]
    farm.ask("job", steps=steps, approved=True)
    farm.render_everything()
    assert sorted(farm.frames_of("job")) == [1, 2, 3, 4]
    assert farm.state("job") is JobState.COMPLETED


def test_an_approval_before_the_test_frames_have_ended_releases_nothing_early() -> None:
    steps = steps_with_test(_FRAMES, FrameSet.parse("2"), stop=True, approval=True)
    farm = stage(cores=4)
    farm.ask("job", steps=steps)
    farm.ask("job", steps=steps, approved=True)
    assert farm.frames_of("job") == [2]


def test_a_job_waits_for_another() -> None:
    farm = stage()
    farm.ask("first", "1-2")
    farm.ask("job", "1-2", spec={"after": (AfterJob(job_id="first"),)})
    farm.render_everything()
    assert [order.job_id for order in farm.assigned] == ["first", "first", "job", "job"]


@pytest.mark.parametrize("must_succeed", [True, False])
def test_a_job_whose_predecessor_fails(*, must_succeed: bool) -> None:
    farm = stage()
    farm.ask("first", "1")
    after = (AfterJob(job_id="first", must_succeed=must_succeed),)
    farm.ask("job", "1", spec={"after": after})
    while farm.state("first") is not JobState.FAILED:
        farm.run_all("a", Outcome.FAILED)
        farm.beats(5)
    farm.render_everything()
    assert farm.state("job") is (JobState.FAILED if must_succeed else JobState.COMPLETED)


def test_a_job_may_wait_for_one_that_has_long_ended() -> None:
    farm = stage()
    after = {"after": (AfterJob(job_id="yesterday"),)}
    farm.ask("job", "1", spec=after, before={"yesterday": JobState.COMPLETED})
    assert farm.frames_of("job") == [1]


@pytest.mark.parametrize(
    ("order", "frames"),
    [
        (FrameOrder.ASCENDING, [1, 2, 3, 4, 5]),
        (FrameOrder.DESCENDING, [5, 4, 3, 2, 1]),
        (FrameOrder.BISECTION, [1, 5, 3, 2, 4]),
        (FrameOrder.GIVEN, [3, 1, 5, 2, 4]),
    ],
)
def test_frames_go_in_the_order_asked_for(order: FrameOrder, frames: list[int]) -> None:
    steps = steps_with_test(FrameSet.parse("3,1,5,2,4"), None, stop=True, order=order)
    farm = stage()
    farm.ask("job", steps=steps)
    farm.render_everything()
    assert farm.frames_of("job") == frames


@pytest.mark.parametrize("must_succeed", [True, False])
def test_a_new_leader_finds_that_a_predecessor_ended_in_no_memory(*, must_succeed: bool) -> None:
    farm = stage()
    after = (AfterJob(job_id="first", must_succeed=must_succeed),)
    farm.ask("job", "1", spec={"after": after})
    farm.jobs["job"].before["first"] = JobState.FAILED
    farm.farm.adopt([farm.jobs["job"]])
    farm.render_everything()
    assert farm.state("job") is (JobState.FAILED if must_succeed else JobState.COMPLETED)

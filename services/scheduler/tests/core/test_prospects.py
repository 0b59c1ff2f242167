"""Why jobs wait and when they will end, as the farm itself tells it: each reason brought about."""

from dataclasses import replace
from datetime import timedelta

import pytest
from typing_extensions import override

from lightmill.domain.failures import FailureKind, RetryPolicy
from lightmill.domain.frames import FrameSet
from lightmill.domain.job import After, AfterJob, JobSpec, StepSpec, Wanted, Work
from lightmill.domain.policy import (
    Limit,
    NodeWish,
    Policy,
    Pool,
    Scaling,
    Share,
)
from lightmill.domain.resources import Needs
from lightmill.domain.states import JobState
from lightmill.messages.node_report import Outcome
from lightmill.scheduler.core.facts import BeatPassed, Fact, JobAsked, NodeAsked, PolicyChanged
from lightmill.scheduler.core.outlook import Cause, Outlook
from lightmill.scheduler.simulation.invented_node import InventedNode, machine
from lightmill.scheduler.simulation.stage import START, Stage

ONE = Needs(cores=1, ram=1)


class Told(Stage):
    """Keeps what was told of each job last."""

    def __init__(self, *nodes: InventedNode) -> None:
        super().__init__(*nodes)
        self.outlooks: dict[str, Outlook] = {}
        self.report()

    @override
    def observe(self, *facts: Fact) -> None:
        super().observe(*facts)
        for job_id, outlook in self.last.outlooks.items():
            if outlook is None:
                self.outlooks.pop(job_id, None)
            else:
                self.outlooks[job_id] = outlook

    def submit(
        self,
        job_id: str,
        frames: str = "1",
        *,
        needs: Needs = ONE,
        steps: tuple[StepSpec, ...] = (),
        priority: int = 1,
        user: str = "ann",
        **spec: object,
    ) -> None:
        made = JobSpec(
            work=Work(engine="blender"),
            steps=steps or (StepSpec(name="frames", frames=FrameSet.parse(frames), chunk=1),),
            needs=needs,
            **spec,  # type: ignore[arg-type]  # a test's own shorthand
        )
        self.now += timedelta(milliseconds=1)
        self._versions[job_id] += 1
        asked = JobAsked(
            job_id=job_id,
            tenant_id="tenant",
            owner_id="owner",
            name=job_id,
            bundle_id=None,
            spec=made,
            wanted=Wanted.RUN,
            paused=False,
            priority=priority,
            retries_wanted=0,
            cleanups_wanted=0,
            version=self._versions[job_id],
            created_at=self.now,
            user=user,
        )
        self.asked = asked
        self.observe(asked)

    def kinds(self, job_id: str) -> list[Cause]:
        return [reason.kind for reason in self.outlooks[job_id].reasons]

    def text(self, job_id: str) -> str:
        return self.outlooks[job_id].reasons[0].text

    def fields(self, job_id: str) -> dict[str, object]:
        return dict(self.outlooks[job_id].reasons[0].fields)


def full() -> Told:
    """Return a farm whose one core is taken, and that has one order more on its node."""
    farm = Told(machine("a", cores=1))
    farm.submit("long", "1-2", user="long")
    farm.report()
    return farm


def test_a_job_that_runs_waits_for_nothing() -> None:
    farm = Told(machine("a"))
    farm.submit("job", "1")
    farm.beats(6)
    assert farm.outlooks["job"].reasons == ()


def test_paused() -> None:
    farm = full()
    farm.submit("job")
    farm.observe(replace(farm.asked, version=9, paused=True))
    assert farm.kinds("job") == [Cause.PAUSED]


def test_another_job_first() -> None:
    farm = Told(machine("a"))
    farm.submit("first", "1-9")
    farm.submit("second", after=(AfterJob(job_id="first"),))
    assert farm.kinds("second") == [Cause.JOB]
    assert farm.fields("second")["job"] == "first"


def test_a_step_first_and_then_a_persons_word() -> None:
    farm = Told(machine("a"))
    test = StepSpec(name="test", frames=FrameSet.parse("1"))
    rest = StepSpec(
        name="rest", frames=FrameSet.parse("2-5"), after=(After(step="test"),), approval=True
    )
    farm.submit("job", steps=(test, rest))
    farm.beats(6)
    assert farm.kinds("job") == [Cause.STEP]
    farm.run_all("a")
    farm.beats(6)
    assert farm.kinds("job") == [Cause.APPROVAL]
    farm.observe(replace(farm.asked, version=9, approved=True))
    farm.beats(6)
    assert farm.kinds("job") == []


def test_frame_by_frame() -> None:
    farm = Told(machine("a"))
    render = StepSpec(name="render", frames=FrameSet.parse("1-3"), chunk=1)
    comp = StepSpec(
        name="comp", frames=FrameSet.parse("1-3"), after=(After(step="render", each=True),)
    )
    farm.submit("job", steps=(render, comp))
    farm.beats(6)
    assert farm.kinds("job")[0] is Cause.STEP
    assert farm.text("job").endswith("frame by frame.")


def test_a_retry_later() -> None:
    farm = Told(machine("a"))
    farm.submit("job", retry=RetryPolicy(first_wait=60.0))
    farm.run_all("a", Outcome.FAILED)
    assert farm.kinds("job") == [Cause.RETRY]
    assert farm.fields("job")["frames"] == 1


@pytest.mark.parametrize(
    ("needs", "need"),
    [
        (Needs(cores=99, ram=1), "99 cores"),
        (Needs(cores=1, ram=1, gpus=1), "1 GPU"),
        (Needs(cores=1, ram=1, pool="unreal"), "pool unreal"),
        (Needs(cores=1, ram=1, tags=("fast",)), "tag fast"),
        (Needs(cores=1, ram=1, version="5.0"), "engine blender 5.0"),
    ],
)
def test_no_node_fits_and_which_need_is_the_obstacle(needs: Needs, need: str) -> None:
    farm = Told(machine("a"), machine("b"))
    farm.submit("job", needs=needs)
    assert farm.kinds("job") == [Cause.NO_NODE]
    assert farm.fields("job")["obstacles"] == {need: 2}


def test_a_limit_is_used_up() -> None:
    farm = Told(machine("a"))
    farm.observe(PolicyChanged(Policy(limits={"nuke": Limit(name="nuke", total=1)})))
    farm.submit("one", limits=("nuke",))
    farm.submit("two", limits=("nuke",))
    assert farm.kinds("two")[0] is Cause.LIMIT
    assert farm.fields("two") == {"limit": "nuke", "used": 1, "total": 1}


def test_a_limit_that_nobody_has_set_up() -> None:
    farm = Told(machine("a"))
    farm.submit("job", limits=("nuke",))
    assert farm.text("job").startswith("Limit nuke is not set up")


def test_licences_on_hold() -> None:
    farm = Told(machine("a"))
    farm.observe(PolicyChanged(Policy(limits={"arnold": Limit(name="arnold", total=5)})))
    farm.submit("job", limits=("arnold",))
    for attempt_id in list(farm.nodes["a"].held):
        farm.nodes["a"].running.add(attempt_id)
        farm.nodes["a"].finish(attempt_id, Outcome.FAILED, FailureKind.LICENCE)
    farm.report()
    assert farm.kinds("job") == [Cause.LICENCE]


def test_the_pools_ceiling() -> None:
    farm = Told(machine("a"))
    pool = Pool(name="default", scaling=Scaling(initial=1))
    farm.observe(PolicyChanged(Policy(pools={"default": pool})))
    farm.submit("one")
    farm.submit("two")
    assert farm.kinds("two")[0] is Cause.POOL
    assert farm.fields("two") == {"pool": "default", "used": 1, "total": 1}


def test_a_user_has_its_burst() -> None:
    farm = Told(machine("a"))
    share = Share(tenant_id="tenant", user="ann", burst=1)
    farm.observe(PolicyChanged(Policy(shares={("tenant", "ann"): share})))
    farm.submit("one")
    farm.submit("two")
    assert farm.kinds("two")[0] is Cause.SHARE
    assert farm.fields("two") == {"share": "User ann", "used": 1, "total": 1}


def test_an_older_job_of_a_fifo_pool() -> None:
    farm = Told(machine("a", cores=1))
    for name in ("one", "two", "three"):
        farm.submit(name, fifo=True)
    assert farm.kinds("three") == [Cause.FIFO, Cause.NODES]
    assert farm.fields("three") == {"job": "two", "ahead": 1}


def test_higher_priority_and_the_place_in_the_queue() -> None:
    farm = full()
    for name in ("b1", "b2"):
        farm.submit(name, "1-3", priority=5, user=name)
    farm.submit("mine", "1-3", user="me")
    assert farm.kinds("mine") == [Cause.PRIORITY, Cause.QUEUE, Cause.NODES]
    assert farm.fields("mine") == {"jobs": 2}


def test_every_node_that_fits_is_busy() -> None:
    farm = full()
    farm.submit("job", "1-3", user="me")
    assert farm.kinds("job")[-1] is Cause.NODES
    assert dict(farm.outlooks["job"].reasons[-1].fields) == {"nodes": 1, "busy": 1}


@pytest.mark.parametrize(
    ("wish", "word"), [(NodeWish.DRAIN, "draining"), (NodeWish.DISABLE, "disabled")]
)
def test_every_node_that_fits_is_taken_out_by_a_person(wish: NodeWish, word: str) -> None:
    farm = Told(machine("a"))
    farm.observe(NodeAsked(node_id="a", wish=wish))
    farm.submit("job")
    assert farm.text("job") == f"1 node could serve it: 1 {word}."


def test_every_node_that_fits_is_offline() -> None:
    farm = Told(machine("a"))
    farm.beats(12, silent=("a",))
    farm.submit("job")
    assert farm.text("job") == "1 node could serve it: 1 offline."


def test_every_node_that_fits_is_in_quarantine() -> None:
    farm = Told(machine("a", cores=3), machine("b", cores=3))
    for name in ("x", "y", "z"):
        farm.submit(name, "1-30", user=name)
    for _ in range(40):
        farm.beats()
        farm.run_all("b")
        farm.run_all("a", Outcome.FAILED)
        if any(node.quarantined_until for node in farm.farm.nodes):
            break
    (out,) = [node for node in farm.farm.nodes if node.quarantined_until]
    assert out.name == "a"
    farm.submit("job", needs=Needs(cores=3, ram=1))
    farm.observe(NodeAsked(node_id="b", wish=NodeWish.DISABLE))
    farm.beats(6)
    assert "1 quarantined after failures of several jobs" in farm.outlooks["job"].reasons[-1].text


def test_reserved_for_other_work() -> None:
    farm = Told(machine("a", cores=2))
    farm.observe(PolicyChanged(Policy(preemption=True)))
    farm.submit("small", "1-9", needs=Needs(cores=2, ram=1))
    farm.submit("wide", needs=Needs(cores=2, ram=4), user="wide", priority=9)
    farm.submit("mine", "1-9", user="me")
    farm.now += timedelta(seconds=1)
    for _ in range(6):
        farm.observe(BeatPassed())  # and no report says that the machine has let go
    assert farm.outlooks["mine"].reasons[-1].text == (
        "1 node could serve it: 1 reserved for other work."
    )


def test_barred_for_the_job() -> None:
    farm = Told(machine("a"), machine("b", cores=2))
    farm.submit("job", "1-9", retry=RetryPolicy(retries=30, first_wait=0.1), failure_budget=99)
    for _ in range(3):
        farm.now += timedelta(seconds=9)
        farm.run_all("a", Outcome.FAILED)
        farm.beats(6)
    assert farm.text("job") == (
        "2 nodes could serve it: 1 busy, 1 barred for this job after its failures there."
    )


def test_the_end_of_a_job_follows_what_its_frames_take() -> None:
    farm = Told(machine("a", cores=2))
    farm.submit("job", "1-22")
    farm.beats(6)
    assert farm.outlooks["job"].expected is None  # nothing was ever measured here
    farm.run_all("a")
    farm.beats(6)
    told = farm.outlooks["job"]
    assert told.earliest is not None
    assert told.expected is not None
    assert told.latest is not None
    assert told.earliest <= told.expected <= told.latest
    # 20 frames of 1 s on two cores, reckoned some beats after the start
    assert 10 <= (told.expected - START).total_seconds() <= 20


def test_what_has_ended_is_told_no_more() -> None:
    farm = Told(machine("a"))
    farm.submit("job", "1-3")
    farm.beats(6)
    assert "job" in farm.outlooks
    farm.render_everything()
    assert farm.state("job") is JobState.COMPLETED
    assert farm.outlooks == {}


def test_a_quiet_farm_tells_nothing_twice() -> None:
    farm = Told(machine("a"))
    farm.submit("job", needs=Needs(cores=99, ram=1))
    farm.beats(6)
    before = dict(farm.outlooks)
    farm.beats(5)
    assert not farm.last.outlooks
    assert farm.outlooks == before

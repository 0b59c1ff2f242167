"""What a leader has written is what the next one finds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter
from sqlalchemy import insert

from lightmill.domain.failures import FailureKind
from lightmill.domain.frames import FrameSet
from lightmill.domain.job import AfterJob, JobSpec, StepSpec, Wanted, Work
from lightmill.domain.policy import Limit, NodeWish, Policy, Scaling
from lightmill.domain.resources import Offer
from lightmill.domain.states import JobState, NodeState, StepState
from lightmill.runtime.ids import new_id
from lightmill.runtime.parts import Parts
from lightmill.scheduler.adapters.leadership import begin_epoch
from lightmill.scheduler.adapters.ledger import SqlLedger
from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.facts import BeatPassed, JobAsked, PolicyChanged
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.core.limits import Limits
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.reservation import Reservation
from lightmill.scheduler.core.trust import BARRED_AFTER, Past, Record
from lightmill.scheduler.core.waiting import Waiting
from lightmill.scheduler.core.work import Job, Step
from lightmill.storage.sql.schema.api import JOBS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = JobSpec(
    work=Work(engine="blender"),
    steps=(StepSpec(name="frames", frames=FrameSet.parse("1-3")),),
    after=(AfterJob(job_id="first"),),
)
MANY = StepSpec(name="frames", frames=FrameSet.parse("1-1000"))


def a_job(job_id: str, spec: JobSpec = SPEC) -> Job:
    return Job(
        id=job_id,
        tenant_id="t",
        owner_id="o",
        name="shot",
        bundle_id=None,
        spec=spec,
        created_at=NOW,
        priority=1,
        user="ada",
        approved=True,
    )


def a_step(job: Job) -> Step:
    step = Step(
        id=f"{job.id}-1",
        job=job,
        position=0,
        spec=job.spec.steps[0],
        waiting=Waiting(3),
        state=StepState.BLOCKED,
    )
    job.steps.append(step)
    return step


def a_node(**more: object) -> Node:
    node = Node(id="n", name="mill", session="s", offer=Offer(cores=4, ram=100))
    for name, value in more.items():
        setattr(node, name, value)
    return node


async def asked(parts: Parts, job: Job) -> None:
    """Write the row that the api would have written."""
    row = {
        "id": job.id,
        "tenant_id": job.tenant_id,
        "owner_id": job.owner_id,
        "user_label": job.user,
        "approved": job.approved,
        "name": job.name,
        "kind": "scene",
        "pool": "default",
        "spec": TypeAdapter(JobSpec).dump_python(job.spec, mode="json"),
        "frame_count": 3,
        "wanted": "RUN",
        "paused": False,
        "priority": 1,
        "retries_wanted": 0,
        "cleanups_wanted": 0,
        "version": 1,
        "created_at": NOW,
        "updated_at": NOW,
    }
    async with parts.database.transaction() as connection:
        await connection.execute(insert(JOBS).values(row))


async def found(parts: Parts, *jobs: Job, node: Node) -> tuple[dict[str, Job], Node]:
    """Commit jobs and node; give what a new leader would find of them."""
    epoch = await begin_epoch(parts.database, "test", NOW)
    ledger = SqlLedger(parts.database, epoch=epoch, beat=1.0)
    changes = Changes(jobs={job.id: job for job in jobs}, nodes={node.id: node})
    changes.steps = {step.id: step for job in jobs for step in job.steps}
    for job in jobs:
        await asked(parts, job)
    await ledger.commit(changes, NOW)
    snapshot = await ledger.snapshot()
    (again,) = snapshot.nodes
    return {job.id: job for job in snapshot.jobs}, again


async def test_how_a_node_is_trusted_outlives_the_leader(parts: Parts) -> None:
    until = NOW + timedelta(minutes=20)
    node = a_node(
        state=NodeState.QUARANTINED,
        wish=NodeWish.DRAIN,
        forgiven=2,
        quarantined_until=until,
        record=Record(failures={"j": BARRED_AFTER}, quarantines=1),
    )
    _, again = await found(parts, node=node)
    assert (again.state, again.wish, again.forgiven) == (NodeState.QUARANTINED, NodeWish.DRAIN, 2)
    assert again.quarantined_until == until
    assert again.record == node.record


async def test_a_job_that_a_node_may_not_take_is_still_barred_there(parts: Parts) -> None:
    barred, other = a_job("barred"), a_job("other")
    node = a_node(record=Record(failures={"barred": BARRED_AFTER, "other": BARRED_AFTER - 1}))
    jobs, again = await found(parts, barred, other, node=node)
    Farm(beat=1.0, new_id=new_id, now=NOW).adopt(jobs.values(), [again])
    assert (jobs["barred"].barred, jobs["other"].barred) == (True, False)


async def test_failures_in_a_row_go_on_counting_under_the_next_leader(parts: Parts) -> None:
    job = a_job("alive", replace(SPEC, after=()))
    a_step(job).succeeded = 2
    record = Record(in_a_row={"alive": job, "gone": Past("gone", 1)})
    jobs, again = await found(parts, job, node=a_node(record=record))
    Farm(beat=1.0, new_id=new_id, now=NOW).adopt(jobs.values(), [again])
    assert again.record.in_a_row == {"alive": jobs["alive"], "gone": Past("gone", 1)}
    third = a_job("third")
    a_step(third).succeeded = 1
    assert again.record.fail(third, FailureKind.ENGINE)


async def test_a_licence_that_was_lacking_is_waited_for_under_the_next_leader(
    parts: Parts,
) -> None:
    job = a_job("j", replace(SPEC, after=(), limits=("arnold",)))
    step = a_step(job)
    step.held_until, step.shortages = NOW + timedelta(seconds=60), 2
    jobs, _ = await found(parts, job, node=a_node())
    farm = Farm(beat=1.0, new_id=new_id, now=NOW)
    farm.adopt(jobs.values())
    (again,) = jobs["j"].steps
    assert (again.held_until, again.shortages) == (step.held_until, 2)
    arnold = farm.limits.counted["arnold"]
    assert (arnold.held_until, arnold.shortages) == (step.held_until, 2)


async def test_a_machine_is_kept_for_a_wide_task_under_the_next_leader(parts: Parts) -> None:
    job, gone = a_job("j", replace(SPEC, after=())), a_job("gone", replace(SPEC, after=()))
    step, node = a_step(job), a_node()
    for kept, then in ((step.id, step.id), (a_step(gone).id, None)):
        node.reserved = Reservation(kept, cores=4, ram=50, free_at=12.0)
        jobs, again = await found(parts, *((job,) if then else ()), node=node)
        Farm(beat=1.0, new_id=new_id, now=NOW).adopt(jobs.values() if then else (), [again])
        reserved = again.reserved
        assert (reserved and reserved.step_id) == then
        assert reserved is None or (reserved.cores, reserved.ram) == (4, 50)


async def test_memory_and_time_that_frames_have_shown_are_kept(parts: Parts) -> None:
    job = a_job("j")
    step = a_step(job)
    step.ram = 2**33
    step.timing.add(4.0)
    step.timing.add(6.0)
    jobs, _ = await found(parts, job, node=a_node())
    (again,) = jobs["j"].steps
    assert (again.ram, again.timing) == (2**33, step.timing)
    assert again.timing.mean == 5.0


async def test_a_job_knows_how_those_ended_that_it_waits_for(parts: Parts) -> None:
    first, second = a_job("first", JobSpec(work=SPEC.work, steps=SPEC.steps)), a_job("second")
    first.state = JobState.COMPLETED
    a_step(second)
    jobs, _ = await found(parts, first, second, node=a_node())
    assert list(jobs) == ["second"]
    assert jobs["second"].before == {"first": JobState.COMPLETED}
    assert (jobs["second"].user, jobs["second"].approved) == ("ada", True)


async def test_a_ceiling_goes_on_from_where_it_stood(parts: Parts) -> None:
    policy = PolicyChanged(Policy(limits={"slots": Limit(name="slots", scaling=Scaling())}))
    job = a_job("j", replace(SPEC, after=(), limits=("slots",), steps=(MANY,)))
    first = Farm(beat=10.0, new_id=new_id, now=NOW)
    first.observe(policy, NOW)
    first.observe(fact_of(job), NOW)
    for number in range(12):
        first.observe(BeatPassed(number + 1), NOW)
        first.plan(NOW)
    changes = first.take_changes()
    assert changes.ceilings["slots"] > Scaling().initial
    epoch = await begin_epoch(parts.database, "test", NOW)
    ledger = SqlLedger(parts.database, epoch=epoch, beat=10.0)
    await ledger.commit(Changes(ceilings=changes.ceilings), NOW)
    snapshot = await ledger.snapshot()
    assert snapshot.ceilings == changes.ceilings
    limits = Limits(resumed=dict(snapshot.ceilings))
    limits.decree(policy.policy, 0.0)
    assert limits.ceilings() == changes.ceilings


async def test_a_job_is_new_until_a_leader_has_taken_it_up(parts: Parts) -> None:
    """Only of what is not new may there be more to read than its own row."""
    ledger = SqlLedger(parts.database, epoch=1, beat=1.0)
    await asked(parts, a_job("new"))
    await found(parts, a_job("old"), node=a_node())
    facts = {fact.job_id: fact.is_new for fact in await ledger.asked(["new", "old"])}
    assert facts == {"new": True, "old": False}


def fact_of(job: Job) -> JobAsked:
    return JobAsked(
        job_id=job.id,
        tenant_id=job.tenant_id,
        owner_id=job.owner_id,
        name=job.name,
        bundle_id=None,
        spec=job.spec,
        wanted=Wanted.RUN,
        paused=False,
        priority=1,
        retries_wanted=0,
        cleanups_wanted=0,
        version=1,
        created_at=NOW,
    )

"""How jobs and steps begin, go on and end."""

from dataclasses import replace

from lightmill.domain.job import Wanted
from lightmill.domain.states import (
    JOB_TRANSITIONS,
    STEP_TRANSITIONS,
    AttemptState,
    JobState,
    StepState,
    move,
)
from lightmill.scheduler.core import attempts, blockers
from lightmill.scheduler.core.facts import JobAsked
from lightmill.scheduler.core.state import FarmState
from lightmill.scheduler.core.waiting import GivenBack, Waiting
from lightmill.scheduler.core.work import FailedOrdinal, Job, Step

# Looked up on its class, a member takes ten times as long, and every frame begins.
_READY, _PENDING = StepState.READY, JobState.PENDING

_LEAST_BUDGET = 10
"""Frames that may be given up before a job stops whose owner has said nothing about it."""


def ask(farm: FarmState, asked: JobAsked) -> None:
    """Bring the job to what its owner wants of it."""
    job = farm.jobs.get(asked.job_id)
    if job is None:
        job = _open(farm, asked)
    elif asked.version <= job.applied_version:
        if job.ended:
            del farm.jobs[job.id]  # it was read for this doorbell alone
        return
    job.applied_version = asked.version
    job.priority = asked.priority
    job.approved = asked.approved
    job.before |= _before(farm, asked)
    farm.touch(job)
    _free_workspaces(farm, job, asked)
    if asked.wanted is Wanted.CANCEL:
        cancel(farm, job)
        return
    _pause(farm, job, paused=asked.paused)
    if asked.retries_wanted > job.applied_retries:
        job.applied_retries = asked.retries_wanted
        _retry(farm, job)
    consider(farm, job)


def begin(farm: FarmState, step: Step) -> None:
    """Note that a node has begun to render something of `step`."""
    if step.state is _READY:
        move_step(farm, step, StepState.RUNNING, "first frame begun")
    if step.job.state is _PENDING:
        step.job.started_at = farm.now
        move_job(farm, step.job, JobState.PROCESSING, "first frame begun")


def consider(farm: FarmState, job: Job) -> None:
    """Let steps go that wait for nothing any more, and fail those that wait in vain."""
    for step in job.steps:
        if step.state is not StepState.BLOCKED:
            continue
        if (why := blockers.lost(step)) is not None:
            _fail(farm, step, why)
        elif blockers.of(step) is None:
            move_step(farm, step, StepState.READY, "what it waited for has ended")
    farm.touch(job)


def release(farm: FarmState, step: Step, ordinal: int) -> None:
    """Let the same frame of those steps go that wait for `step` frame by frame."""
    for other in step.followers:
        back = GivenBack(ordinal=ordinal, not_before=farm.now)
        other.waiting.release(back)
        farm.changes.given_back[other.id, ordinal] = back
        farm.changes.steps[other.id] = other
        if other.state is StepState.BLOCKED:
            move_step(farm, other, StepState.READY, f"first frame of step {step.spec.name}")


def withhold(farm: FarmState, step: Step, failed: FailedOrdinal) -> None:
    """Deal with the same frame of those steps, now that `step` has given it up."""
    for other in step.followers:
        after = next(after for after in other.spec.after if after.step == step.spec.name)
        if not after.must_succeed:
            release(farm, step, failed.ordinal)
            continue
        other.waiting.locked -= 1
        lost = replace(failed, step_id=other.id, failures=0, tries=0)
        other.given_up[failed.ordinal] = lost
        farm.changes.failed.append(lost)
        farm.changes.steps[other.id] = other


def keep_budget(farm: FarmState, job: Job) -> None:
    """Stop a job of which too many frames are given up."""
    budget = job.spec.failure_budget
    if budget is None:
        budget = max(_LEAST_BUDGET, job.frames // 10)
    if job.failed <= budget or job.ended:
        return
    why = f"{job.failed} frames failed, more than the {budget} allowed"
    first = next(failed for step in job.steps for failed in step.given_up.values())
    job.error = f"{why}; frame {first.frame}: {first.error}"
    for step in job.steps:
        if step.open:
            fail_at_once(farm, step, why)


def settle(farm: FarmState, step: Step) -> None:
    """End `step` when nothing of it is left to do, and with it perhaps its job."""
    if step.running or not step.open or len(step.waiting):
        return
    if step.given_up:
        _fail(farm, step, f"{len(step.given_up)} of {step.waiting.total} frames failed")
    else:
        move_step(farm, step, StepState.SUCCEEDED, "every frame delivered")
        _unlock(farm, step)


def fail_at_once(farm: FarmState, step: Step, why: str) -> None:
    """End `step` as failed although work is left: no frame of it could succeed."""
    for attempt in list(step.running.values()):
        attempts.dismiss(farm, attempt, why)
    _fail(farm, step, why)


def cancel(farm: FarmState, job: Job) -> None:
    """End the job and everything of it, in one commit; what finishes later is not applied."""
    if job.ended:
        return
    for step in job.steps:
        for attempt in list(step.running.values()):
            attempts.dismiss(farm, attempt, "job cancelled")
        if not step.ended:
            move_step(farm, step, StepState.CANCELLED, "job cancelled")
    job.error = "cancelled"
    job.finished_at = farm.now
    move_job(farm, job, JobState.CANCELLED, "asked for")
    _tell_dependents(farm, job)


def move_step(farm: FarmState, step: Step, wanted: StepState, why: str) -> None:
    """Change the state of `step`, with its line in the history."""
    was, step.state = step.state, move(STEP_TRANSITIONS, step.state, wanted)
    farm.changes.steps[step.id] = step
    farm.note(step.job, "step", step.id, (was, wanted, why))


def move_job(farm: FarmState, job: Job, wanted: JobState, why: str) -> None:
    """Change the state of `job`, with its line in the history."""
    was, job.state = job.state, move(JOB_TRANSITIONS, job.state, wanted)
    farm.touch(job)
    farm.note(job, "job", job.id, (was, wanted, why))


def take_over(farm: FarmState, job: Job) -> None:
    """Take in a job as the database holds it."""
    join(farm, job)
    farm.stirred[job.id] = job
    for step in job.steps:
        if step.leader is not None:
            waiting = step.waiting
            elsewhere = step.succeeded + len(step.given_up) + step.outstanding
            waiting.locked = waiting.total - elsewhere - len(waiting.given_back)


def catch_up(farm: FarmState, job: Job) -> None:
    """Let steps go on or fail whose job waited for one that ended in no leader's memory."""
    waiting = [step for step in job.steps if step.state is StepState.BLOCKED]
    if any(blockers.lost(step) or blockers.of(step) is None for step in waiting):
        consider(farm, job)
        _settle_job(farm, job)


def join(farm: FarmState, job: Job) -> None:
    """Count `job` among those that live, and among those that wait for other jobs."""
    farm.jobs[job.id] = job
    for after in job.spec.after:
        farm.dependents.setdefault(after.job_id, set()).add(job.id)


def _open(farm: FarmState, asked: JobAsked) -> Job:
    job = Job(
        id=asked.job_id,
        tenant_id=asked.tenant_id,
        owner_id=asked.owner_id,
        name=asked.name,
        bundle_id=asked.bundle_id,
        spec=asked.spec,
        created_at=asked.created_at,
        user=asked.user or asked.owner_id,
        approved=asked.approved,
        priority=asked.priority,
        applied_cleanups=asked.cleanups_wanted,
        applied_retries=asked.retries_wanted,
    )
    _add_steps(farm, job)
    join(farm, job)
    job.before |= _before(farm, asked)
    _open_steps(farm, job)
    farm.note(job, "job", job.id, (None, job.state, "taken in"))
    return job


def _add_steps(farm: FarmState, job: Job) -> None:
    for position, spec in enumerate(job.spec.steps):
        step = Step(
            id=farm.new_id(),
            job=job,
            position=position,
            spec=spec,
            waiting=Waiting(len(spec.frames)),
            state=StepState.BLOCKED,
        )
        job.steps.append(step)
        if step.leader is not None:
            step.waiting.lock()


def _open_steps(farm: FarmState, job: Job) -> None:
    for step in job.steps:
        if blockers.of(step) is None:
            step.state = StepState.READY
        farm.changes.steps[step.id] = step
        farm.note(job, "step", step.id, (None, step.state, "job taken in"))


def _before(farm: FarmState, asked: JobAsked) -> dict[str, JobState]:
    """Return how what it waits for stands: rows do not tell yet what ended in this turn."""
    found = {i: state for i, state in asked.before.items() if i not in farm.jobs}
    known = (farm.jobs[one.job_id] for one in asked.spec.after if one.job_id in farm.jobs)
    return found | {job.id: job.state for job in known if job.ended}


def _pause(farm: FarmState, job: Job, *, paused: bool) -> None:
    """Set the mark; orders that no node has begun are called back."""
    if job.paused == paused:
        return
    job.paused = paused
    became = "PAUSED" if paused else str(job.state)
    farm.note(job, "job", job.id, (str(job.state), became, "asked for"))
    if not paused:
        return
    for step in job.steps:
        for attempt in step.running.values():
            if attempt.state is AttemptState.ASSIGNED:
                attempts.recall(farm, attempt)


def _retry(farm: FarmState, job: Job) -> None:
    """Take back the steps that failed, and their job."""
    if job.state is not JobState.FAILED:
        return
    if not job.steps:  # it failed before it could be taken in
        _add_steps(farm, job)
        _open_steps(farm, job)
    failed = [step for step in job.steps if step.state is StepState.FAILED]
    for step in reversed(failed):  # those that follow frame by frame before those they follow
        _take_back(farm, step)
    for step in failed:
        blocked = blockers.of(step) is not None
        wanted = StepState.BLOCKED if blocked else StepState.READY
        move_step(farm, step, wanted, "retry asked for")
    job.error = None
    job.finished_at = None
    move_job(farm, job, JobState.PROCESSING, "retry asked for")


def _take_back(farm: FarmState, step: Step) -> None:
    """Let frames that were given up wait again, for the frame that they follow if that failed."""
    lost = step.leader.given_up if step.leader is not None else {}
    for ordinal in sorted(step.given_up):
        if ordinal in lost:
            step.waiting.locked += 1
            continue
        back = GivenBack(ordinal=ordinal, not_before=farm.now, tries=step.given_up[ordinal].tries)
        step.waiting.give_back(back)
        farm.changes.given_back[step.id, ordinal] = back
    step.given_up.clear()
    farm.changes.forgiven.append(step.id)


def _free_workspaces(farm: FarmState, job: Job, asked: JobAsked) -> None:
    if asked.cleanups_wanted <= job.applied_cleanups:
        return
    job.applied_cleanups = asked.cleanups_wanted
    for node in farm.nodes.values():
        if node.takes_work or node.draining:
            farm.changes.letter(node).forget_workspaces.append((job.owner_id, job.id))


def _fail(farm: FarmState, step: Step, why: str) -> None:
    if step.job.error is None:
        first = min(step.given_up.values(), key=lambda item: item.ordinal, default=None)
        step.job.error = why if first is None else f"frame {first.frame}: {first.error}"
    move_step(farm, step, StepState.FAILED, why)
    _unlock(farm, step)


def _unlock(farm: FarmState, ended: Step) -> None:
    """Let those that waited for `ended` go on or fail, then look at the job."""
    for step in ended.followers:
        if step.open and step.waiting.locked:
            fail_at_once(farm, step, f"step {ended.spec.name} failed")
        else:
            settle(farm, step)
    consider(farm, ended.job)
    _settle_job(farm, ended.job)


def _settle_job(farm: FarmState, job: Job) -> None:
    if job.ended or not all(step.ended for step in job.steps):
        return
    job.finished_at = farm.now
    if all(step.state is StepState.SUCCEEDED for step in job.steps):
        move_job(farm, job, JobState.COMPLETED, "every step succeeded")
    else:
        move_job(farm, job, JobState.FAILED, job.error or "a step failed")
    _tell_dependents(farm, job)


def _tell_dependents(farm: FarmState, ended: Job) -> None:
    """Let the jobs that waited for `ended` go on or fail."""
    for job_id in sorted(farm.dependents.pop(ended.id, ())):
        job = farm.jobs.get(job_id)
        if job is not None and not job.ended:
            job.before[ended.id] = ended.state
            consider(farm, job)
            _settle_job(farm, job)

"""What a step that is not to start yet waits for."""

from dataclasses import dataclass

from lightmill.domain.job import After, AfterJob
from lightmill.domain.states import JobState, StepState
from lightmill.scheduler.core.work import Step


@dataclass(frozen=True, slots=True)
class Approval:
    """A person has to look first."""


Blocker = After | AfterJob | Approval


def of(step: Step) -> Blocker | None:
    """Return the first thing that `step` waits for, or None when it may start."""
    for job in step.job.spec.after:
        if not _over(step.job.before.get(job.job_id), must_succeed=job.must_succeed):
            return job
    for after in step.spec.after:
        before = step.job.step(after.step)
        if after.each or not _has_ended(before, after):
            return after
    if step.spec.approval and not step.job.approved:
        return Approval()
    return None


def lost(step: Step) -> str | None:
    """Return why `step` will never start, or None when it still may."""
    for job in step.job.spec.after:
        state = step.job.before.get(job.job_id)
        if state in _UNSUCCESSFUL and job.must_succeed:
            return f"job {job.job_id}, for which it waits, is {state}"
    for after in step.spec.after:
        if step.job.step(after.step).state is StepState.FAILED and after.must_succeed:
            return f"step {after.step} failed"
    return None


_UNSUCCESSFUL = frozenset({JobState.FAILED, JobState.CANCELLED})


def _over(state: JobState | None, *, must_succeed: bool) -> bool:
    return state is JobState.COMPLETED or (state in _UNSUCCESSFUL and not must_succeed)


def _has_ended(before: Step, after: After) -> bool:
    if before.state is StepState.FAILED:
        return not after.must_succeed
    return before.state is StepState.SUCCEEDED

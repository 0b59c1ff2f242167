"""What a turn has changed, job by job."""

from collections.abc import Collection, Iterator

from lightmill.scheduler.core.changes import Changes, Letter
from lightmill.scheduler.core.work import Step


def jobs_of(changes: Changes) -> list[str]:
    """Return the ids of all jobs of which `changes` hold something."""
    found = {*changes.jobs, *changes.outlooks, *_owners(changes).values()}
    found.update(job_id for job_id, _ in changes.freed)
    found.update(line.job_id for line in changes.transitions)
    return sorted(found)


def part(changes: Changes, jobs: Collection[str]) -> Changes:
    """Return what of `changes` is of these jobs alone; machines and limits are of no job."""
    owners = _owners(changes)
    steps = {step_id for step_id, job_id in owners.items() if job_id in jobs}
    return Changes(
        jobs={i: job for i, job in changes.jobs.items() if i in jobs},
        steps={i: step for i, step in changes.steps.items() if i in steps},
        born=[one for one in changes.born if one.task.step.id in steps],
        moved=[one for one in changes.moved if one.attempt.task.step.id in steps],
        tasks={i: task for i, task in changes.tasks.items() if task.step.id in steps},
        delivered=[one for one in changes.delivered if one.attempt.task.step.id in steps],
        given_back={key: back for key, back in changes.given_back.items() if key[0] in steps},
        failed=[one for one in changes.failed if one.step_id in steps],
        forgiven=[step_id for step_id in changes.forgiven if step_id in steps],
        freed={key: size for key, size in changes.freed.items() if key[0] in jobs},
        transitions=[line for line in changes.transitions if line.job_id in jobs],
        outlooks={i: one for i, one in changes.outlooks.items() if i in jobs},
        letters={key: _letter(one, jobs) for key, one in changes.letters.items()},
    )


def _letter(letter: Letter, jobs: Collection[str]) -> Letter:
    return Letter(assign=[one for one in letter.assign if one.task.step.job.id in jobs])


def _owners(changes: Changes) -> dict[str, str]:
    """Return the jobs of all steps that `changes` may refer to."""
    return {step.id: step.job.id for step in _steps(changes)}


def _steps(changes: Changes) -> Iterator[Step]:
    yield from changes.steps.values()
    for job in changes.jobs.values():
        yield from job.steps
    for attempt in changes.born:
        yield attempt.task.step
    for move in changes.moved:
        yield move.attempt.task.step
    for task in changes.tasks.values():
        yield task.step
    for delivered in changes.delivered:
        yield delivered.attempt.task.step

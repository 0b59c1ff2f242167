"""What a node is told of an attempt that is handed to it."""

from lightmill.messages.orders import Assignment, Frame
from lightmill.scheduler.core.work import Attempt


def assignment(attempt: Attempt) -> Assignment:
    """Return the order to render the frames of `attempt`.

    Nothing of it changes once the attempt is handed out, so it is made where it leaves.
    """
    task, job = attempt.task, attempt.task.step.job
    pairs = zip(task.ordinals, task.frames, strict=True)
    return Assignment(
        attempt_id=attempt.id,
        task_id=task.id,
        step_id=task.step.id,
        job_id=job.id,
        tenant_id=job.tenant_id,
        owner=job.owner_id,
        work=task.step.work,
        bundle_id=job.bundle_id,
        frames=tuple([Frame(ordinal=ordinal, frame=frame) for ordinal, frame in pairs]),
        cores=attempt.cores,
        ram=attempt.ram,
        gpus=attempt.gpus,
        sandbox=attempt.sandbox,
    )

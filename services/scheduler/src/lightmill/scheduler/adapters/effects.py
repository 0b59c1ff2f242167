"""What leaves after a commit of the scheduler: orders, settlements, events, statuses."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from pydantic import TypeAdapter

from lightmill.messages.attempts_settled import AttemptsSettled
from lightmill.messages.frames_rendered import FramesRendered
from lightmill.messages.job_changed import JobChanged
from lightmill.messages.node_changed import NodeChanged
from lightmill.messages.orders import Assignment, Orders
from lightmill.messages.topology import session_key
from lightmill.scheduler.core.changes import Changes, Letter
from lightmill.scheduler.core.work import Job
from lightmill.storage.sql.outbox import Effect, Publish, SetStatus

_ASSIGNMENT = TypeAdapter(Assignment)
_MESSAGE_BYTES = 2**20
"""Of assignments in one message; RabbitMQ and the outbox take 16 MiB at the most."""


def effects(changes: Changes, epoch: int, beat: float, now: datetime) -> Iterator[Effect]:
    """Yield everything that is to leave, each node's orders before the events."""
    for (node_id, session), letter in changes.letters.items():
        yield from _mail(letter, session_key(node_id, session), epoch, beat)
    for job in changes.jobs.values():
        yield SetStatus(f"job:{job.id}", job.row_version, status(job, now))
        if job.id in changes.jobs_told:
            yield Publish(_job_changed(job))
    yield from map(Publish, _frames_rendered(changes))
    for node_id in changes.nodes_told:
        node = changes.nodes[node_id]
        yield Publish(NodeChanged(node_id=node.id, name=node.name, state=node.state))


def status(job: Job, now: datetime) -> dict[str, object]:
    """Return the job as the status cache keeps it."""
    return {
        "job_id": job.id,
        "tenant_id": job.tenant_id,
        "owner_id": job.owner_id,
        "state": job.state,
        "paused": job.paused,
        "frames": job.frames,
        "succeeded": job.succeeded,
        "failed": job.failed,
        "running": job.running,
        "progress": job.progress,
        "error": job.error,
        "created_at": job.created_at.isoformat(),
        "started_at": job.started_at and job.started_at.isoformat(),
        "finished_at": job.finished_at and job.finished_at.isoformat(),
        "updated_at": now.isoformat(),
        "result_key": job.result_key,
    }


def _mail(letter: Letter, key: str, epoch: int, beat: float) -> Iterator[Publish]:
    if letter.settled or letter.settled_frames:
        settled = AttemptsSettled(
            epoch=epoch,
            attempts=tuple(letter.settled),
            frames=tuple(letter.settled_frames),
        )
        yield Publish(settled, key=key)
    first, *others = _loads(letter.assign)
    if first or letter.cancel or letter.recall or letter.forget_workspaces:
        orders = Orders(
            epoch=epoch,
            beat=beat,
            assign=first,
            cancel=tuple(letter.cancel),
            recall=tuple(letter.recall),
            forget_workspaces=tuple(letter.forget_workspaces),
        )
        yield Publish(orders, key=key, mandatory=True)
    for assign in others:
        yield Publish(Orders(epoch=epoch, beat=beat, assign=assign), key=key, mandatory=True)


def _loads(assign: Sequence[Assignment]) -> list[tuple[Assignment, ...]]:
    """Return `assign` in parts, in order, each of which a message and a row can carry."""
    loads: list[list[Assignment]] = [[]]
    room = _MESSAGE_BYTES
    for assignment in assign:
        size = len(_ASSIGNMENT.dump_json(assignment))
        if size > room and loads[-1]:
            loads.append([])
            room = _MESSAGE_BYTES
        loads[-1].append(assignment)
        room -= size
    return [tuple(load) for load in loads]


def _job_changed(job: Job) -> JobChanged:
    return JobChanged(
        tenant_id=job.tenant_id,
        owner_id=job.owner_id,
        job_id=job.id,
        state=job.state,
        paused=job.paused,
        frames=job.frames,
        succeeded=job.succeeded,
        failed=job.failed,
        error=job.error,
    )


def _frames_rendered(changes: Changes) -> Iterator[FramesRendered]:
    frames: dict[str, list[int]] = defaultdict(list)
    jobs: dict[str, Job] = {}
    for delivered in changes.delivered:
        job = delivered.attempt.task.step.job
        jobs[job.id] = job
        frames[job.id].append(delivered.result.frame)
    for job in jobs.values():
        yield FramesRendered(
            tenant_id=job.tenant_id,
            owner_id=job.owner_id,
            job_id=job.id,
            frames=tuple(frames[job.id]),
        )

"""What leaves after a commit of the scheduler: orders, settlements, events, statuses."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from pydantic import TypeAdapter
from pydantic_core import to_json

from lightmill.broker.ports import Outgoing
from lightmill.messages.attempts_settled import AttemptsSettled
from lightmill.messages.frames_rendered import FramesRendered
from lightmill.messages.job_changed import JobChanged
from lightmill.messages.node_changed import NodeChanged
from lightmill.messages.orders import Assignment, Orders
from lightmill.messages.topology import NODES, session_key
from lightmill.scheduler.adapters.rows import Row
from lightmill.scheduler.core.changes import Changes, Letter
from lightmill.scheduler.core.work import Job
from lightmill.storage.sql.outbox import Effect, Publish
from lightmill.storage.sql.parcel import SetStatus

_MESSAGE_BYTES = 2**20
"""Of assignments in one message; RabbitMQ and the outbox take 16 MiB at the most."""

_ASSIGNMENT = TypeAdapter(Assignment)


def effects(
    changes: Changes, jobs: Mapping[str, Row], *, epoch: int, beat: float
) -> Iterator[Effect]:
    """Yield everything that is to leave, each node's orders before the events.

    Args:
        changes: What a turn has changed.
        jobs: The rows of its jobs, as they are being written.
        epoch: The leader's.
        beat: The farm's, in seconds.
    """
    for (node_id, session), letter in changes.letters.items():
        yield from _mail(letter, session_key(node_id, session), epoch, beat)
    for job in changes.jobs.values():
        row = jobs[job.id]
        yield SetStatus(f"job:{job.id}", job.row_version, status(job, row))
        yield Publish(JobChanged.model_validate(row))
    yield from map(Publish, _frames_rendered(changes))
    for node_id in changes.nodes_told:
        node = changes.nodes[node_id]
        yield Publish(NodeChanged(node_id=node.id, name=node.name, state=node.state))


_SHOWN = (
    *("job_id", "tenant_id", "owner_id", "state", "paused", "frames", "succeeded", "failed"),
    *("running", "progress", "error"),
)
_MOMENTS = ("created_at", "started_at", "finished_at", "updated_at")


def status(job: Job, row: Row) -> dict[str, object]:
    """Return the job as the status cache keeps it."""
    return {
        **{name: row[name] for name in _SHOWN},
        **{name: _iso(row[name]) for name in _MOMENTS},
        "result_key": job.result_key,
    }


def _iso(moment: object) -> str | None:
    return moment.isoformat() if isinstance(moment, datetime) else None


def _mail(letter: Letter, key: str, epoch: int, beat: float) -> Iterator[Outgoing]:
    """Yield the messages of one letter, put together of parts that are made once.

    One, as a rule: of what is cheap to render, each message costs about what a frame does.
    """
    settled = None
    if letter.settled or letter.settled_frames:
        settled = {
            "epoch": epoch,
            "attempts": letter.settled,
            "frames": letter.settled_frames,
        }
    first, *others = _loads(letter.assignments())
    more = {
        "cancel": letter.cancel,
        "recall": letter.recall,
        "forget_workspaces": letter.forget_workspaces,
    }
    if first or any(more.values()):
        yield _orders(key, {"epoch": epoch, "beat": beat}, first, {**more, "settled": settled})
    elif settled:
        kind = AttemptsSettled.routing_key
        yield Outgoing(exchange=NODES, key=key, kind=kind, body=to_json(settled))
    for load in others:
        yield _orders(key, {"epoch": epoch, "beat": beat}, load, {})


def _orders(
    key: str, head: Mapping[str, object], assign: Iterable[bytes], tail: Mapping[str, object]
) -> Outgoing:
    """Return `Orders` as they travel; what is left out has its default."""
    parts = [to_json(head)[1:-1], b'"assign":[' + b",".join(assign) + b"]", to_json(tail)[1:-1]]
    return Outgoing(
        exchange=NODES,
        key=key,
        kind=Orders.routing_key,
        body=b"{" + b",".join(filter(None, parts)) + b"}",
        mandatory=True,
    )


def _loads(assign: Iterable[Assignment]) -> list[list[bytes]]:
    """Return `assign` as it travels in parts, in order, that a message and a row can carry."""
    loads: list[list[bytes]] = [[]]
    room = _MESSAGE_BYTES
    for written in map(_ASSIGNMENT.dump_json, assign):
        if len(written) > room and loads[-1]:
            loads.append([])
            room = _MESSAGE_BYTES
        loads[-1].append(written)
        room -= len(written)
    return loads


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

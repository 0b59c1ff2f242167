"""The scheduler's memory as rows."""

from dataclasses import asdict
from datetime import datetime

from pydantic import TypeAdapter

from lightmill.domain.resources import Offer
from lightmill.scheduler.core.changes import Delivered, Transition
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.outlook import Outlook
from lightmill.scheduler.core.reservation import Reservation
from lightmill.scheduler.core.trust import Record
from lightmill.scheduler.core.waiting import GivenBack
from lightmill.scheduler.core.work import Attempt, FailedOrdinal, Job, Step

OFFER = TypeAdapter(Offer)
DETAIL_LENGTH = 20_000
"""Characters of an engine's output that are kept in a row; its log has the rest."""

Row = dict[str, object]


def job_row(job: Job, now: datetime) -> Row:
    """Return the row of `job_states`."""
    return {
        "job_id": job.id,
        "tenant_id": job.tenant_id,
        "owner_id": job.owner_id,
        "state": job.state,
        "paused": job.paused,
        "priority": job.priority,
        "applied_version": job.applied_version,
        "applied_retries": job.applied_retries,
        "applied_cleanups": job.applied_cleanups,
        "frames": job.frames,
        "succeeded": job.succeeded,
        "failed": job.failed,
        "running": job.running,
        "progress": job.progress,
        "error": job.error,
        "version": job.row_version,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "updated_at": now,
    }


def outlook_row(outlook: Outlook, now: datetime) -> Row:
    """Return the row of `outlooks`."""
    return {
        "job_id": outlook.job_id,
        "tenant_id": outlook.tenant_id,
        "reasons": [asdict(reason) for reason in outlook.reasons],
        "earliest": outlook.earliest,
        "expected": outlook.expected,
        "latest": outlook.latest,
        "at": now,
    }


def ceiling_row(name: str, ceiling: int, now: datetime) -> Row:
    """Return the row of `limit_states`."""
    return {"name": name, "ceiling": ceiling, "moved_at": now}


def step_row(step: Step, now: datetime) -> Row:
    """Return the row of `steps`."""
    return {
        "id": step.id,
        "job_id": step.job.id,
        "tenant_id": step.job.tenant_id,
        "position": step.position,
        "name": step.spec.name,
        "state": step.state,
        "frames": step.waiting.total,
        "next_ordinal": step.waiting.next_ordinal,
        "succeeded": step.succeeded,
        "failed": len(step.given_up),
        "running": step.outstanding,
        "ram": step.ram,
        "timing": asdict(step.timing),
        "held_until": step.held_until,
        "shortages": step.shortages,
        "updated_at": now,
    }


def node_row(node: Node, now: datetime) -> Row:
    """Return the row of `nodes`."""
    return {
        "id": node.id,
        "name": node.name,
        "session": node.session,
        "state": node.state,
        "offer": OFFER.dump_python(node.offer, mode="json"),
        "wish": node.wish,
        "forgiven": node.forgiven,
        "quarantined_until": node.quarantined_until,
        "failures": _failures(node.record),
        "kept": _kept(node.reserved),
        "seen_at": now,
        "updated_at": now,
    }


def _failures(record: Record) -> Row:
    return {
        "by_job": dict(record.failures),
        "in_a_row": {job.id: job.succeeded for job in record.in_a_row.values()},
        "quarantines": record.quarantines,
    }


def _kept(kept: Reservation | None) -> Row | None:
    if kept is None:
        return None
    return {"step_id": kept.step_id, "cores": kept.cores, "ram": kept.ram}


def task_row(attempt: Attempt) -> Row:
    """Return the row of `tasks` for the task of a new attempt."""
    task, job = attempt.task, attempt.task.step.job
    return {
        "id": task.id,
        "tenant_id": job.tenant_id,
        "owner_id": job.owner_id,
        "job_id": job.id,
        "step_id": task.step.id,
        "ordinals": list(task.ordinals),
        "frames": list(task.frames),
        "state": "ASSIGNED",
        "node_id": attempt.node_id,
        "attempt_id": attempt.id,
        "priority": job.priority,
        "progress": 0.0,
        "failures": task.failures,
        "tries": task.tries,
        "created_at": task.created_at,
    }


def attempt_row(attempt: Attempt, epoch: int, now: datetime) -> Row:
    """Return the row of `attempts` for a new attempt."""
    task, job = attempt.task, attempt.task.step.job
    return {
        "id": attempt.id,
        "tenant_id": job.tenant_id,
        "job_id": job.id,
        "step_id": task.step.id,
        "task_id": task.id,
        "node_id": attempt.node_id,
        "session": attempt.session,
        "epoch": epoch,
        "state": "ASSIGNED",
        "cores": attempt.cores,
        "ram": attempt.ram,
        "gpus": list(attempt.gpus),
        "assigned_at": now,
    }


def result_row(delivered: Delivered, now: datetime) -> Row:
    """Return the row of `results`."""
    step, result = delivered.attempt.task.step, delivered.result
    return {
        "step_id": step.id,
        "ordinal": result.ordinal,
        "tenant_id": step.job.tenant_id,
        "job_id": step.job.id,
        "attempt_id": delivered.attempt.id,
        "node_id": delivered.attempt.node_id,
        "frame": step.spec.frame_at(result.ordinal),
        "object_key": result.key,
        "thumbnail_key": result.thumbnail_key,
        "blake3": result.blake3,
        "size": result.size,
        "width": result.width,
        "height": result.height,
        "media_type": result.media_type,
        "seconds": result.seconds,
        "peak_ram": result.peak_ram,
        "samples": result.samples,
        "engine": result.engine,
        "created_at": now,
    }


def given_back_row(step_id: str, item: GivenBack) -> Row:
    """Return the row of `given_back`."""
    return {"step_id": step_id, **asdict(item)}


def failed_row(item: FailedOrdinal, now: datetime) -> Row:
    """Return the row of `failed_ordinals`."""
    return {**asdict(item), "error": item.error[:DETAIL_LENGTH], "at": now}


def history_row(line: Transition, now: datetime) -> Row:
    """Return the row of `history`."""
    return {
        "tenant_id": line.tenant_id,
        "job_id": line.job_id,
        "entity": line.entity,
        "entity_id": line.entity_id,
        "was": line.was,
        "became": line.became,
        "why": line.why,
        "by": line.by,
        "at": now,
    }

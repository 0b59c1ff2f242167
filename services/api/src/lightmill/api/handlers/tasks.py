"""Seeds 002 and 004: `/api/tasks/`."""

from typing import Annotated

from fastapi import APIRouter, Query

from lightmill.api.core.bodies import TaskBody
from lightmill.api.core.problem import missing
from lightmill.api.handlers import answers
from lightmill.api.handlers.answers import told
from lightmill.api.handlers.given import Document, Given, ReservedId, Who
from lightmill.api.ports import Wish

router = APIRouter(prefix="/api/tasks", tags=["seeds 002 and 004: tasks"])


@router.post(
    "/", operation_id="createTask", summary="Hand in a scene", **told(answers.TaskMade, 201)
)
async def create(body: TaskBody, who: Who, given: Given, job_id: ReservedId) -> Document:
    made, profile = await given.submit_job.task(who, body, job_id)
    standing = await given.standings.find(who.tenant_id, made)
    if standing is None:
        raise missing("task")
    return {
        "id": made,
        "task_id": made,
        "status": standing.shown,
        "renderer": body.renderer,
        "frames": str(body.frames),
        "frame_count": standing.frames,
        "test_frames": None if body.test_frames is None else str(body.test_frames),
        "stop_after_test": body.stop_after_test,
        "priority": body.priority,
        "ram": body.ram,
        "gpu_count": body.gpu_count,
        "hardware_config_id": profile,
        "createdAt": standing.created_at,
    }


@router.get(
    "/{task_id}/status",
    operation_id="getTaskStatus",
    summary="Progress, and frames",
    **told(answers.TaskStatus),
)
async def status(
    task_id: str,
    who: Who,
    given: Given,
    offset: Annotated[int, Query(ge=0, le=2_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Document:
    standing = await given.standings.find(who.tenant_id, task_id)
    spec = None if standing is None else await given.jobs.spec(who.tenant_id, task_id)
    if standing is None or spec is None:
        raise missing("task")
    profile = None
    if spec.needs.profiles:
        profile = await given.hardware.assigned(who.tenant_id, task_id)
    freed = await given.work.freed(who.tenant_id, task_id) if standing.finished else None
    return {
        "id": task_id,
        "status": standing.shown,
        "progress": standing.progress,
        "createdAt": standing.created_at,
        "startedAt": standing.started_at,
        "updatedAt": standing.updated_at,
        "error": standing.error,
        "hardware_config_id": profile,
        "frames": await given.frames.page(task_id, spec, offset, limit, given.sign),
        "totalFrames": spec.frame_count,
        "offset": offset,
        "bytesFreed": freed.bytes if freed else 0,
    }


@router.post("/{task_id}/cancel", operation_id="cancelTask", **told(answers.Accepted, 202))
async def cancel(task_id: str, who: Who, given: Given) -> Document:
    await given.change_job(who, task_id, Wish.CANCEL)
    return {"id": task_id, "accepted": "cancel"}


@router.post("/{task_id}/pause", operation_id="pauseTask", **told(answers.Accepted, 202))
async def pause(task_id: str, who: Who, given: Given) -> Document:
    await given.change_job(who, task_id, Wish.PAUSE)
    return {"id": task_id, "accepted": "pause"}


@router.post("/{task_id}/resume", operation_id="resumeTask", **told(answers.Accepted, 202))
async def resume(task_id: str, who: Who, given: Given) -> Document:
    await given.change_job(who, task_id, Wish.RESUME)
    return {"id": task_id, "accepted": "resume"}


@router.post(
    "/{task_id}/cleanup",
    operation_id="cleanUpTask",
    summary="Free the workspaces on the nodes; the results stay",
    **told(answers.CleanupAccepted, 202),
)
async def cleanup(task_id: str, who: Who, given: Given) -> Document:
    freed = await given.clean_up(who, task_id)
    return {
        "id": task_id,
        "accepted": "cleanup",
        "bytesFreed": freed.bytes,
        "complete": freed.complete,
    }

"""Jobs, as `/api/v1` has them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse

from lightmill.api.core.job_bodies import JobBody, PriorityBody
from lightmill.api.core.job_view import Standing
from lightmill.api.core.problem import missing
from lightmill.api.handlers import answers, outlook_answers
from lightmill.api.handlers.answers import told
from lightmill.api.handlers.etag import IfMatch, expected
from lightmill.api.handlers.given import Collaborators, Document, Given, PageCut, ReservedId, Who
from lightmill.api.ports import Wish
from lightmill.api.queries.jobs import JobFilter
from lightmill.domain.principal import Principal
from lightmill.domain.results import LOG_NAME, attempt_prefix

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])
StepName = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=255,
        description="Of this step alone; without it of all but those of tiles",
    ),
]
_STATES = Literal["PENDING", "PROCESSING", "PAUSED", "COMPLETED", "FAILED", "CANCELLED"]


def _filter(
    state: _STATES | None = None,
    owner_id: str | None = None,
    user_label: str | None = None,
    kind: Literal["scene", "design", "simulated", "sweep", "openjd"] | None = None,
    pool: str | None = None,
) -> JobFilter:
    return JobFilter(state=state, owner_id=owner_id, user_label=user_label, kind=kind, pool=pool)


@router.post("", operation_id="submitJob", summary="Hand in a scene", **told(answers.Made, 201))
async def submit(
    body: JobBody, who: Who, given: Given, job_id: ReservedId, response: Response
) -> Document:
    made = await given.submit_job(who, body, job_id)
    response.headers["Location"] = f"/api/v1/jobs/{made}"
    return {"id": made}


@router.get(
    "",
    operation_id="listJobs",
    summary="The tenant's jobs, the newest first",
    **told(answers.Page[answers.JobListed]),
)
async def list_jobs(
    who: Who, given: Given, cut: PageCut, wanted: Annotated[JobFilter, Depends(_filter)]
) -> Document:
    return (await given.jobs.listed(who.tenant_id, wanted, cut)).document()


@router.get(
    "/{job_id}",
    operation_id="getJob",
    summary="What a job asks, and where it stands",
    **told(answers.JobSeen),
)
async def get_job(job_id: str, who: Who, given: Given, response: Response) -> Document:
    standing = await given.standings.find(who.tenant_id, job_id)
    asked = None if standing is None else await given.jobs.ask(who.tenant_id, job_id)
    if standing is None or asked is None:
        raise missing("job")
    response.headers["ETag"] = f'"{asked["version"]}"'
    plain = {name: value for name, value in asked.items() if name != "tenant_id"}
    profile = None
    if asked["needs"]["hardware_config_ids"]:
        profile = await given.hardware.assigned(who.tenant_id, job_id)
    progress = _progress(standing, given)
    return {"id": job_id, **plain, "hardware_config_id": profile, **progress}


def _progress(standing: Standing, given: Collaborators) -> Document:
    key = standing.result_key
    return {
        "state": standing.shown,
        "paused": standing.paused,
        "progress": standing.progress,
        "frames": {
            "total": standing.frames,
            "succeeded": standing.succeeded,
            "failed": standing.failed,
            "running": standing.running,
        },
        "error": standing.error,
        "result_url": None if key is None else given.sign(key),
        "created_at": standing.created_at,
        "started_at": standing.started_at,
        "finished_at": standing.finished_at,
        "updated_at": standing.updated_at,
    }


@router.patch(
    "/{job_id}",
    operation_id="changeJob",
    summary="Change a job's priority",
    **told(answers.Reprioritised),
)
async def change(  # FastAPI hands each in
    job_id: str,
    body: PriorityBody,
    who: Who,
    given: Given,
    response: Response,
    if_match: IfMatch = None,
) -> Document:
    version = await given.change_job.prioritise(who, job_id, body.priority, expected(if_match))
    response.headers["ETag"] = f'"{version}"'
    await given.jobs.fresh_ask(who.tenant_id, job_id)
    return {"id": job_id, "priority": body.priority, "version": version}


async def _wish(given: Collaborators, who: Principal, job_id: str, wish: Wish) -> Document:
    await given.change_job(who, job_id, wish)
    await given.jobs.fresh_ask(who.tenant_id, job_id)
    return {"id": job_id, "accepted": wish.value}


@router.post("/{job_id}/cancel", operation_id="cancelJob", **told(answers.Accepted, 202))
async def cancel(job_id: str, who: Who, given: Given) -> Document:
    return await _wish(given, who, job_id, Wish.CANCEL)


@router.post("/{job_id}/pause", operation_id="pauseJob", **told(answers.Accepted, 202))
async def pause(job_id: str, who: Who, given: Given) -> Document:
    return await _wish(given, who, job_id, Wish.PAUSE)


@router.post("/{job_id}/resume", operation_id="resumeJob", **told(answers.Accepted, 202))
async def resume(job_id: str, who: Who, given: Given) -> Document:
    return await _wish(given, who, job_id, Wish.RESUME)


@router.post(
    "/{job_id}/approve",
    operation_id="approveJob",
    summary="Release the steps that wait for a person",
    **told(answers.Accepted, 202),
)
async def approve(job_id: str, who: Who, given: Given) -> Document:
    return await _wish(given, who, job_id, Wish.APPROVE)


@router.post("/{job_id}/retry", operation_id="retryJob", **told(answers.Accepted, 202))
async def retry(job_id: str, who: Who, given: Given) -> Document:
    return await _wish(given, who, job_id, Wish.RETRY)


async def _require(given: Collaborators, who: Principal, job_id: str) -> None:
    if not await given.work.exists(who.tenant_id, job_id):
        raise missing("job")


@router.get(
    "/{job_id}/waiting",
    operation_id="getOutlook",
    summary="Why it is not being rendered, and when it will have ended",
    **told(outlook_answers.OutlookSeen),
)
async def waiting(job_id: str, who: Who, given: Given) -> Document:
    standing = await given.standings.fresh(who.tenant_id, job_id)
    if standing is None:
        raise missing("job")
    return await given.outlooks.of(standing)


@router.get(
    "/{job_id}/tasks",
    operation_id="listTasks",
    summary="What nodes were given of a job",
    **told(answers.Page[answers.TaskSeen]),
)
async def tasks(job_id: str, who: Who, given: Given, cut: PageCut) -> Document:
    await _require(given, who, job_id)
    return (await given.work.tasks(who.tenant_id, job_id, cut)).document()


@router.get(
    "/{job_id}/attempts",
    operation_id="listAttempts",
    summary="Every try on every node",
    **told(answers.Page[answers.AttemptSeen]),
)
async def attempts(job_id: str, who: Who, given: Given, cut: PageCut) -> Document:
    await _require(given, who, job_id)
    return (await given.work.attempts(who.tenant_id, job_id, cut)).document()


@router.get(
    "/{job_id}/results",
    operation_id="listResults",
    summary="The images, by frame",
    **told(answers.Page[answers.ResultSeen]),
)
async def results(
    job_id: str, who: Who, given: Given, cut: PageCut, step: StepName = None
) -> Document:
    await _require(given, who, job_id)
    return (await given.work.results(who.tenant_id, job_id, cut, given.sign, step)).document()


@router.get(
    "/{job_id}/history",
    operation_id="listHistory",
    summary="Every transition, in order",
    **told(answers.Page[answers.TransitionSeen]),
)
async def history(job_id: str, who: Who, given: Given, cut: PageCut) -> Document:
    await _require(given, who, job_id)
    return (await given.history.lines(who.tenant_id, job_id, cut)).document()


@router.get(
    "/{job_id}/frames",
    operation_id="listFrames",
    summary="A page of frames, in order",
    **told(answers.FramePage),
)
async def frames(
    job_id: str,
    who: Who,
    given: Given,
    offset: Annotated[int, Query(ge=0, le=2_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Document:
    spec = await given.jobs.spec(who.tenant_id, job_id)
    if spec is None:
        raise missing("job")
    items = await given.frames.page(job_id, spec, offset, limit, given.sign)
    return {"items": items, "total": spec.frame_count, "offset": offset}


@router.get(
    "/{job_id}/attempts/{attempt_id}/log",
    operation_id="getLog",
    summary="What the engine printed in one attempt",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/plain": {}}}},
)
async def log(job_id: str, attempt_id: str, who: Who, given: Given) -> StreamingResponse:
    if not await given.work.attempt_exists(who.tenant_id, job_id, attempt_id):
        raise missing("attempt")
    key = attempt_prefix(who.tenant_id, job_id, attempt_id) + LOG_NAME
    if await given.store.info(key) is None:
        raise missing("log: the attempt has stored none yet")
    return StreamingResponse(given.store.stream(key), media_type="text/plain; charset=utf-8")


@router.get(
    "/{job_id}/script",
    operation_id="getScript",
    summary="The script that renders a design, to be run by hand",
    response_class=Response,
    responses={200: {"content": {"text/x-python": {"schema": {"type": "string"}}}}},
)
async def get_script(job_id: str, who: Who, given: Given) -> Response:
    script = await given.scripts.of(who.tenant_id, job_id)
    if script is None:
        raise missing("script: the job is none of a design, or nothing is rendered for it")
    return Response(script, media_type="text/x-python; charset=utf-8")

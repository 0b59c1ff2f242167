"""Seed 000: `POST /jobs` and `GET /jobs/{jobId}`."""

from typing import Literal

from fastapi import APIRouter

from lightmill.api.core.bodies import DesignJobBody
from lightmill.api.core.problem import missing
from lightmill.api.handlers import answers
from lightmill.api.handlers.answers import told
from lightmill.api.handlers.given import Document, Given, ReservedId, Who

router = APIRouter(prefix="/jobs", tags=["seed 000: design jobs"])


@router.post(
    "", operation_id="createDesignJob", summary="Render a design", **told(answers.JobMade, 201)
)
async def create(
    body: DesignJobBody,
    who: Who,
    given: Given,
    job_id: ReservedId,
    engine: Literal["blender", "simulated"] | None = None,
) -> Document:
    return {"jobId": await given.submit_design_job(who, body, engine, job_id)}


@router.get(
    "/{job_id}",
    operation_id="getDesignJob",
    summary="Where a job stands",
    **told(answers.DesignJobSeen),
)
async def get(job_id: str, who: Who, given: Given) -> Document:
    standing = await given.standings.find(who.tenant_id, job_id)
    if standing is None:
        raise missing("job")
    key = standing.result_key
    return {
        "jobId": job_id,
        "status": standing.seed_state,
        "resultUrl": None if key is None else given.sign(key),
        "createdAt": standing.created_at,
        "startedAt": standing.started_at,
        "updatedAt": standing.updated_at,
        "error": standing.seed_error,
    }

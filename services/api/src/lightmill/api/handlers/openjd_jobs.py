"""Open Job Description templates and job bundles."""

from fastapi import APIRouter, Response

from lightmill.api.core.openjd_request import OpenJdBody
from lightmill.api.handlers import answers
from lightmill.api.handlers.answers import told
from lightmill.api.handlers.given import Document, Given, ReservedId, Who

router = APIRouter(prefix="/api/v1/openjd-jobs", tags=["jobs"])


@router.post(
    "",
    operation_id="submitOpenJdJob",
    summary="Hand in an Open Job Description template",
    **told(answers.OpenJdMade, 201),
)
async def submit(
    body: OpenJdBody, who: Who, given: Given, job_id: ReservedId, response: Response
) -> Document:
    made, steps = await given.submit_openjd(who, body, job_id)
    response.headers["Location"] = f"/api/v1/jobs/{made}"
    told_of = [{"name": step.name, "tasks": len(step.frames)} for step in steps]
    return {"id": made, "steps": told_of}

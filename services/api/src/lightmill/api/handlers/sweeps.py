"""Seed 003: `POST /api/v1/sweeps`."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from lightmill.api.core.sweep_request import SweepBody
from lightmill.api.handlers import answers
from lightmill.api.handlers.answers import told
from lightmill.api.handlers.given import Document, Given, ReservedId, Who

router = APIRouter(prefix="/api/v1/sweeps", tags=["seed 003: sweeps"])


@router.post(
    "",
    operation_id="submitSweep",
    summary="Hand in prompts and variables, for a remote renderer",
    **told(answers.SweepMade, 201),
)
async def submit(
    body: SweepBody,
    who: Who,
    given: Given,
    job_id: ReservedId,
    response: Response,
    preview: Annotated[bool, Query(description="Only count: 200, and nothing is made")] = False,  # noqa: FBT002  # of a query
) -> Document:
    told_of = given.submit_sweep.preview(body)
    about = {"name": body.name, "priority": body.priority, **told_of}
    if preview:
        response.status_code = 200
        return {"id": None, "status": None, **about}
    made = await given.submit_sweep(who, body, job_id)
    response.headers["Location"] = f"/api/v1/jobs/{made}"
    return {"id": made, "status": "PENDING", **about}

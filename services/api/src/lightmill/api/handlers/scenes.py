"""Seed 004: `POST /api/scene/analyse`; and analyses by id."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from lightmill.api.core.bodies import SceneBody
from lightmill.api.core.problem import ProblemError, missing
from lightmill.api.handlers import stock_answers
from lightmill.api.handlers.answers import told
from lightmill.api.handlers.given import Document, Given, Who
from lightmill.api.ports import Analysis

seed_router = APIRouter(prefix="/api/scene", tags=["seed 004: scenes"])
router = APIRouter(prefix="/api/v1/analyses", tags=["analyses"])
_SUCCEEDED = "SUCCEEDED"


@seed_router.post(
    "/analyse",
    operation_id="analyseScene",
    summary="What a scene asks for, needs and misses",
    response_model=None,
    responses={
        200: {
            "description": "Found out",
            "content": {
                "application/json": {
                    "example": {
                        "scene_info": {"renderer": "cycles", "start": 1, "end": 100},
                        "asset": ["C:/textures/wood.jpg"],
                        "missing": [{"file1": "C:/missing.jpg"}],
                    }
                }
            },
        },
        202: {"description": "Still being looked into: ask where `Location` says"},
    },
)
async def analyse(body: SceneBody, who: Who, given: Given) -> JSONResponse:
    found = await given.analyse_scene(who, body)
    if found.state == _SUCCEEDED:
        return JSONResponse(found.outcome)
    if found.state == "FAILED":
        raise ProblemError(422, "analysis-failed", f"scene_file: {found.error}")
    where = f"/api/v1/analyses/{found.id}"
    return JSONResponse(
        {"analysis_id": found.id, "state": found.state}, 202, headers={"Location": where}
    )


@router.get("/{analysis_id}", operation_id="getAnalysis", **told(stock_answers.AnalysisSeen))
async def get(analysis_id: str, who: Who, given: Given) -> Document:
    found = await given.find_analysis(who.tenant_id, analysis_id)
    if found is None:
        raise missing("analysis")
    return _view(found)


def _view(found: Analysis) -> Document:
    return {
        "analysis_id": found.id,
        "state": found.state,
        "outcome": found.outcome,
        "error": found.error,
    }

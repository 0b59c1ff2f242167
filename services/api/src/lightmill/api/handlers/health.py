"""Whether the api lives, whether it can work, and its figures."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from lightmill.api.handlers.given import Document
from lightmill.runtime.health import readiness

router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="isAlive", summary="200 while the process lives")
async def healthz() -> Document:
    return {"status": "ok"}


@router.get(
    "/readyz",
    operation_id="isReady",
    summary="200 when every backing part answers",
    response_model=None,
    responses={503: {"description": "A part does not answer; which one stands in the body"}},
)
async def readyz(request: Request) -> JSONResponse:
    outcome = await readiness(request.app.state.checks)
    return JSONResponse(outcome, 200 if all(outcome.values()) else 503)


@router.get("/metrics", operation_id="getMetrics", summary="For Prometheus", response_model=None)
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

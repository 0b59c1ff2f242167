"""Seed 003: how the system gets on."""

from fastapi import APIRouter

from lightmill.api.handlers import system_answers
from lightmill.api.handlers.answers import told
from lightmill.api.handlers.given import Document, Given, Who

router = APIRouter(prefix="/api/v1/system", tags=["seed 003: the system"])


@router.get(
    "/status",
    operation_id="getSystemStatus",
    summary="How the tenant's work and the farm get on",
    **told(system_answers.SystemStatus),
)
async def status(who: Who, given: Given) -> Document:
    return await given.survey_farm.status(who)


@router.get(
    "/monitoring",
    operation_id="getMonitoring",
    summary="The status with machines, parts, and what somebody should look at",
    **told(system_answers.Monitoring),
)
async def monitoring(who: Who, given: Given) -> Document:
    return await given.survey_farm.monitoring(who)

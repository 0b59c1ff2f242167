"""Why a job waits, as the api tells it."""

from datetime import timedelta

import pytest
from services.api.tests.conftest import Farm
from services.api.tests.http.test_jobs import state_row

from lightmill.storage.sql.schema.scheduler import JOB_STATES, OUTLOOKS

LIMIT = {
    "kind": "limit",
    "text": "Limit arnold is used up: 4 of 4.",
    "fields": {"limit": "arnold", "used": 4, "total": 4},
}


async def an_outlook(farm: Farm, job_id: str, **more: object) -> None:
    row = {"job_id": job_id, "tenant_id": farm.one.id, "reasons": [LIMIT]}
    await farm.insert(OUTLOOKS, {**row, "at": farm.clock.now(), **more})


async def test_a_job_that_no_scheduler_has_seen_says_so(farm: Farm) -> None:
    job = await farm.job()
    async with farm.client() as client:
        told = (await client.get(f"/api/v1/jobs/{job}/waiting")).json()
    assert (told["state"], told["at"], told["forecast"]) == ("PENDING", None, None)
    assert [reason["kind"] for reason in told["reasons"]] == ["not_looked_at"]


async def test_reasons_and_forecast_are_the_schedulers(farm: Farm) -> None:
    job, now = await farm.job(), farm.clock.now()
    await farm.insert(JOB_STATES, state_row(farm, job))
    ends = {"earliest": now, "expected": now + timedelta(hours=1), "latest": None}
    await an_outlook(farm, job, **ends)
    async with farm.client() as client:
        told = (await client.get(f"/api/v1/jobs/{job}/waiting")).json()
    assert told["reasons"] == [LIMIT]
    assert told["forecast"] == {
        "earliest": "2026-11-22T12:00:00.000000Z",
        "expected": "2026-11-22T13:00:00.000000Z",
        "latest": None,
    }
    assert (told["state"], told["at"]) == ("PROCESSING", "2026-11-22T12:00:00.000000Z")


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "CANCELLED"])
async def test_nothing_keeps_back_a_job_that_has_ended(farm: Farm, state: str) -> None:
    job = await farm.job()
    await farm.insert(JOB_STATES, state_row(farm, job, state=state))
    await an_outlook(farm, job)
    async with farm.client() as client:
        told = (await client.get(f"/api/v1/jobs/{job}/waiting")).json()
    assert (told["state"], told["reasons"]) == (state, [])


async def test_another_tenants_outlook_is_not_told(farm: Farm) -> None:
    job = await farm.job()
    await an_outlook(farm, job)
    async with farm.client(tenant=farm.two) as client:
        assert (await client.get(f"/api/v1/jobs/{job}/waiting")).status_code == 404

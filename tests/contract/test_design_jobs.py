"""contract.md, "POST /jobs, GET /jobs/{jobId}" (seeds 000 and 001)."""

from datetime import datetime
from typing import Any

import pytest
from services.api.tests.conftest import Farm
from services.api.tests.http.test_design_jobs import a_design
from services.api.tests.http.test_jobs import state_row
from sqlalchemy import update

from lightmill.api.config import ApiSettings
from lightmill.api.factory import assemble
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import JOB_STATES, RESULTS, STEPS

BODY: dict[str, Any] = {
    "designId": "test-design-1",
    "userId": "test-user-1",
    "camera": {
        "position": {"x": 0, "y": 0, "z": 5},
        "target": {"x": 0, "y": 0, "z": 0},
        "up": {"x": 0, "y": 1, "z": 0},
        "fov": 45,
    },
}


async def submitted(farm: Farm) -> str:
    await a_design(farm)
    async with farm.client() as client:
        answer = await client.post("/jobs", json=BODY)
    assert answer.status_code == 201
    assert list(answer.json()) == ["jobId"]
    return str(answer.json()["jobId"])


async def seen(farm: Farm, job_id: str) -> dict[str, Any]:
    farm.cache.clear()
    async with farm.client() as client:
        body: dict[str, Any] = (await client.get(f"/jobs/{job_id}")).json()
    return body


async def test_the_seeds_body_makes_a_job(farm: Farm) -> None:
    job = await submitted(farm)
    body = await seen(farm, job)
    assert body["status"] == "PENDING"
    assert body["error"] is None
    assert body["resultUrl"] is None
    for name in ("createdAt", "updatedAt"):
        assert body[name].endswith("Z")
        assert datetime.fromisoformat(body[name]) == farm.clock.now()


async def test_an_unknown_design_is_404(farm: Farm) -> None:
    async with farm.client() as client:
        answer = await client.post("/jobs", json=BODY)
        assert answer.status_code == 404
        assert "design" in answer.json()["detail"]
        assert (await client.get("/jobs/none")).status_code == 404


async def test_user_id_is_a_label_and_a_filter_and_grants_nothing(farm: Farm) -> None:
    job = await submitted(farm)
    async with farm.client() as client:
        labelled = await client.get("/api/v1/jobs", params={"user_label": "test-user-1"})
        others = await client.get("/api/v1/jobs", params={"user_label": "test-user-2"})
    assert [item["id"] for item in labelled.json()["items"]] == [job]
    assert others.json()["items"] == []
    async with farm.client(tenant=farm.two) as client:
        assert (await client.get(f"/jobs/{job}")).status_code == 404


@pytest.mark.parametrize(("fov", "status"), [(1, 201), (179, 201), (0.99, 422), (179.01, 422)])
async def test_fov_is_from_1_to_179(farm: Farm, fov: float, status: int) -> None:
    await a_design(farm)
    async with farm.client() as client:
        answer = await client.post("/jobs", json={**BODY, "camera": {"fov": fov}})
    assert answer.status_code == status
    if status == 422:
        assert answer.json()["errors"][0]["pointer"] == "#/camera/fov"


async def test_a_missing_camera_is_the_documented_one(farm: Farm) -> None:
    first = await submitted(farm)
    plain = {"designId": "test-design-1", "userId": "test-user-1"}
    async with farm.client() as client:
        again = await client.post("/jobs", json=plain)
    assert again.json()["jobId"] == first


async def test_an_image_is_1920_by_1080_png(farm: Farm) -> None:
    await submitted(farm)
    (row,) = await farm.rows(JOBS)
    settings = row.spec["work"]["settings"]
    assert (settings["width"], settings["height"], settings["format"]) == (1920, 1080, "PNG")


@pytest.mark.parametrize(
    ("state", "paused", "status", "error"),
    [
        ("PENDING", False, "PENDING", None),
        ("PENDING", True, "PENDING", None),
        ("PROCESSING", False, "PROCESSING", None),
        ("PROCESSING", True, "PROCESSING", None),
        ("COMPLETED", False, "COMPLETED", None),
        ("FAILED", False, "FAILED", "no engine"),
        ("CANCELLED", False, "FAILED", "cancelled"),
    ],
)
async def test_a_status_is_one_of_four(
    farm: Farm, *, state: str, paused: bool, status: str, error: str | None
) -> None:
    job = await submitted(farm)
    text = "no engine" if state == "FAILED" else None
    await farm.insert(JOB_STATES, state_row(farm, job, state=state, paused=paused, error=text))
    body = await seen(farm, job)
    assert (body["status"], body["error"]) == (status, error)


async def test_a_result_url_is_signed_at_each_read_and_opens(farm: Farm) -> None:
    job = await submitted(farm)
    await _completed(farm, job)
    async with farm.client() as client:
        first = (await client.get(f"/jobs/{job}")).json()["resultUrl"]
        farm.clock.pass_time(10)
        second = (await client.get(f"/jobs/{job}")).json()["resultUrl"]
    assert first != second
    async with farm.client(None) as browser:
        image = await browser.get(second)
        assert (image.status_code, image.content) == (200, b"image")
        farm.clock.pass_time(3599)
        assert (await browser.get(second)).status_code == 200
        farm.clock.pass_time(2)
        assert (await browser.get(second)).status_code == 403


async def test_a_cdn_may_stand_in_for_the_stores_address(farm: Farm) -> None:
    job = await submitted(farm)
    await _completed(farm, job)
    app = assemble(ApiSettings(cdn_base="https://cdn.example/farm"), farm.parts)
    farm.assembly = app
    url = (await seen(farm, job))["resultUrl"]
    assert url.startswith("https://cdn.example/farm/objects/k/0001.png?")


async def _completed(farm: Farm, job: str) -> None:
    now, ids = farm.clock.now(), {"tenant_id": farm.one.id, "job_id": job}
    await farm.store.put("k/0001.png", b"image", "image/png")
    await farm.insert(JOB_STATES, state_row(farm, job, state="COMPLETED", succeeded=1))
    step = {**ids, "id": "s", "position": 0, "name": "frames", "state": "SUCCEEDED", "frames": 1}
    step |= {"next_ordinal": 1, "succeeded": 1, "failed": 0, "running": 0, "updated_at": now}
    await farm.insert(STEPS, step)
    result = {**ids, "step_id": "s", "ordinal": 0, "attempt_id": "a", "node_id": "n", "frame": 1}
    result |= {"object_key": "k/0001.png", "blake3": "b", "size": 5, "width": 1, "height": 1}
    result |= {"media_type": "image/png", "seconds": 1.0, "created_at": now}
    await farm.insert(RESULTS, result)


async def test_design_jobs_are_first_come_first_served_in_their_own_pool(farm: Farm) -> None:
    await a_design(farm)
    made = []
    async with farm.client() as client:
        for number in range(20):
            answer = await client.post("/jobs", json={**BODY, "userId": f"user-{number}"})
            made.append(answer.json()["jobId"])
            farm.clock.pass_time(0.001)
    rows = sorted(await farm.rows(JOBS), key=lambda row: (row.created_at, row.id))
    assert [row.id for row in rows] == made
    assert {(row.pool, row.spec["fifo"], row.priority) for row in rows} == {("designs", True, 1)}


async def test_the_same_body_within_five_minutes_answers_the_first_job(farm: Farm) -> None:
    first = await submitted(farm)
    async with farm.client() as client:
        farm.clock.pass_time(299)
        assert (await client.post("/jobs", json=BODY)).json()["jobId"] == first
        farm.clock.pass_time(2)
        assert (await client.post("/jobs", json=BODY)).json()["jobId"] != first


async def test_an_idempotency_key_always_works(farm: Farm) -> None:
    first = await submitted(farm)
    key = {"Idempotency-Key": "k"}
    async with farm.client() as client:
        farm.clock.pass_time(301)
        second = (await client.post("/jobs", json=BODY, headers=key)).json()["jobId"]
        farm.clock.pass_time(301)
        third = (await client.post("/jobs", json=BODY, headers=key)).json()["jobId"]
    assert first != second == third


async def test_the_simulated_engine_is_off_unless_enabled(farm: Farm) -> None:
    await submitted(farm)
    farm.assembly = assemble(ApiSettings(), farm.parts)
    async with farm.client() as client:
        answer = await client.post("/jobs?engine=simulated", json=BODY)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/engine"


async def test_a_state_that_changes_is_seen_when_the_cached_one_expires(farm: Farm) -> None:
    job = await submitted(farm)
    await farm.insert(JOB_STATES, state_row(farm, job, state="PROCESSING"))
    async with farm.client() as client:
        assert (await client.get(f"/jobs/{job}")).json()["status"] == "PROCESSING"
        async with farm.parts.database.transaction() as connection:
            await connection.execute(update(JOB_STATES).values(state="COMPLETED", version=5))
        farm.clock.pass_time(31)
        assert (await client.get(f"/jobs/{job}")).json()["status"] == "COMPLETED"

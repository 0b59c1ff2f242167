"""contract.md, "/api/tasks/" (seeds 002 and 004)."""

from typing import Any

import pytest
from services.api.tests.conftest import Farm
from services.api.tests.http.test_jobs import state_row
from services.api.tests.http.test_tasks import a_node

from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import JOB_STATES

FRAME = {
    "number",
    "status",
    "progress",
    "node",
    "startedAt",
    "completedAt",
    "retryCount",
    "error",
    "resultUrl",
}


async def created(farm: Farm, **more: object) -> tuple[int, dict[str, Any]]:
    body = {
        "scene_file": await farm.upload(),
        "renderer": "blender",
        "frames": "1-100",
        "test_frames": "50",
        "stop_after_test": True,
        **more,
    }
    async with farm.client() as client:
        answer = await client.post("/api/tasks/", json=body)
    return answer.status_code, answer.json()


async def test_a_task_is_made_and_answered_with_its_profile(farm: Farm) -> None:
    status, task = await created(farm)
    assert status == 201
    assert task["status"] == "PENDING"
    assert task["hardware_config_id"] is None


@pytest.mark.parametrize(
    ("needs", "named"),
    [({"ram": 512}, "512 GB RAM"), ({"gpu_count": 8}, "8 GPU")],
)
async def test_needs_beyond_every_machine_are_400_in_the_seeds_words(
    farm: Farm, needs: dict[str, int], named: str
) -> None:
    await a_node(farm)
    status, body = await created(farm, **needs)
    assert status == 400
    assert body["detail"].startswith("硬件资源不足,无法满足任务需求")
    assert named in body["detail"]
    assert await farm.count(JOBS) == 0


async def test_busy_or_absent_machines_are_waited_for(farm: Farm) -> None:
    assert (await created(farm))[0] == 201
    assert (await created(farm, ram=8, allow_waiting=True))[0] == 201


async def test_a_status_has_the_documented_fields(farm: Farm) -> None:
    _, task = await created(farm)
    async with farm.client() as client:
        body = (await client.get(f"/api/tasks/{task['id']}/status")).json()
    assert {"status", "progress", "createdAt", "startedAt", "updatedAt", "error"} < set(body)
    assert len(body["frames"]) == 100
    assert all(set(frame) == FRAME for frame in body["frames"])
    assert body["frames"][0]["number"] == 50


@pytest.mark.parametrize("wish", ["cancel", "pause", "resume"])
async def test_wishes_are_202_and_idempotent(farm: Farm, wish: str) -> None:
    _, task = await created(farm)
    async with farm.client() as client:
        for _ in range(2):
            answer = await client.post(f"/api/tasks/{task['id']}/{wish}")
            assert answer.status_code == 202


async def test_clean_up_is_409_while_running_and_idempotent_after(farm: Farm) -> None:
    _, task = await created(farm)
    path = f"/api/tasks/{task['id']}/cleanup"
    async with farm.client() as client:
        assert (await client.post(path)).status_code == 409
        await farm.insert(JOB_STATES, state_row(farm, task["id"], state="CANCELLED"))
        first, second = await client.post(path), await client.post(path)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert "bytesFreed" in first.json()


@pytest.mark.parametrize(
    ("asked", "kept"),
    [(None, 1), ("high_priority", 75), ("default", 1), ("low_priority", 0), (0, 0), (100, 100)],
)
async def test_priorities_by_number_and_by_name(
    farm: Farm, asked: int | str | None, kept: int
) -> None:
    status, task = await created(farm, **({} if asked is None else {"priority": asked}))
    assert (status, task["priority"]) == (201, kept)


@pytest.mark.parametrize("asked", [-1, 101, "urgent"])
async def test_other_priorities_are_refused(farm: Farm, asked: int | str) -> None:
    status, body = await created(farm, priority=asked)
    assert (status, body["errors"][0]["pointer"]) == (422, "#/priority")


@pytest.mark.parametrize("frames", ["5-1x0", "", "a-b", "1-1000001"])
async def test_frames_that_are_none_are_refused(farm: Farm, frames: str) -> None:
    status, body = await created(farm, frames=frames)
    assert (status, body["errors"][0]["pointer"]) == (422, "#/frames")
    assert await farm.count(JOBS) == 0

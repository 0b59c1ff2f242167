import asyncio
from typing import Any

import pytest
from pydantic import TypeAdapter
from services.api.tests.conftest import Farm
from services.api.tests.http.test_jobs import state_row

from lightmill.domain.job import After, JobSpec
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import (
    ATTEMPTS,
    FAILED_ORDINALS,
    GIVEN_BACK,
    JOB_STATES,
    NODES,
    RESULTS,
    STEPS,
    TASKS,
    WORKSPACES_FREED,
)

GIB = 2**30


async def a_node(farm: Farm, ram: int = 16, gpus: int = 0) -> None:
    offer = {
        "cores": 8,
        "ram": ram * GIB,
        "engines": {"blender": ["4.5"]},
        "gpus": [{"index": index} for index in range(gpus)],
    }
    now = farm.clock.now()
    row = {"id": "node-1", "name": "mill", "session": "s", "state": "ONLINE", "offer": offer}
    await farm.insert(NODES, {**row, "seen_at": now, "updated_at": now})


async def given_to_a_node(farm: Farm, job_id: str) -> None:
    row: dict[str, Any] = {
        "id": "task-1",
        "tenant_id": farm.one.id,
        "owner_id": "o",
        "job_id": job_id,
    }
    row |= {
        "step_id": "s",
        "ordinals": [0],
        "frames": [1],
        "state": "RUNNING",
        "node_id": "node-1",
    }
    zeros = dict.fromkeys(("priority", "progress", "failures", "tries"), 0)
    await farm.insert(TASKS, {**row, **zeros, "attempt_id": "a", "created_at": farm.clock.now()})


async def create(farm: Farm, **more: object) -> tuple[int, dict[str, Any]]:
    asset = await farm.upload()
    body = {"scene_file": asset, "renderer": "blender", "frames": "1-100", **more}
    async with farm.client() as client:
        answer = await client.post("/api/tasks/", json=body)
    return answer.status_code, answer.json()


async def test_test_frames_are_a_step_before_the_others(farm: Farm) -> None:
    status, task = await create(farm, test_frames="50", stop_after_test=True, priority="default")
    assert (status, task["status"], task["frame_count"]) == (201, "PENDING", 100)
    (row,) = await farm.rows(JOBS)
    spec = TypeAdapter(JobSpec).validate_python(row.spec)
    first, rest = spec.steps
    assert (first.name, str(first.frames)) == ("test", "50")
    assert (rest.after, str(rest.frames)) == ((After(step="test"),), "1-49,51-100")
    assert row.priority == 1


@pytest.mark.parametrize(
    ("asked", "priority"), [("high_priority", 75), ("default", 1), ("low_priority", 0), (42, 42)]
)
async def test_priorities(farm: Farm, asked: object, priority: int) -> None:
    status, task = await create(farm, priority=asked)
    assert (status, task["priority"]) == (201, priority)


async def test_needs_that_no_node_could_ever_meet_are_refused(farm: Farm) -> None:
    await a_node(farm, ram=16)
    status, problem = await create(farm, ram=64)
    assert status == 400
    assert problem["detail"].startswith("硬件资源不足,无法满足任务需求")
    assert "64 GB RAM" in problem["detail"]
    status, problem = await create(farm, gpu_count=2)
    assert status == 400
    assert "2 GPU" in problem["detail"]
    assert await farm.count(JOBS) == 0
    assert (await create(farm, ram=16))[0] == 201
    assert (await create(farm, ram=64, allow_waiting=True))[0] == 201


async def test_a_task_is_given_the_smallest_profile_that_does(farm: Farm) -> None:
    await a_node(farm, ram=64)
    ids = []
    async with farm.client() as client:
        for name, ram in (("large", 64), ("small", 16), ("tiny", 4)):
            body = {"name": name, "cores": 4, "ram": ram * GIB}
            answer = await client.post("/api/v1/hardware-configs", json=body)
            assert (answer.json()["nodes"], answer.json()["free_nodes"]) == (1, 1)
            ids.append(answer.json()["id"])
    _, task = await create(farm, ram=8, hardware_config_ids=ids)
    assert task["hardware_config_id"] is None
    (row,) = await farm.rows(JOBS)
    assert row.spec["needs"]["ram"] == 16 * GIB
    assert [p["id"] for p in row.spec["needs"]["profiles"]] == [str(ids[1]), str(ids[0])]
    await given_to_a_node(farm, task["id"])
    async with farm.client() as client:
        status = (await client.get(f"/api/tasks/{task['id']}/status")).json()
        job = (await client.get(f"/api/v1/jobs/{task['id']}")).json()
    assert status["hardware_config_id"] == job["hardware_config_id"] == ids[1]
    assert job["needs"]["hardware_config_ids"] == [ids[1], ids[0]]
    _, only = await create(farm, hardware_config_ids=[ids[0]])
    assert only["hardware_config_id"] == ids[0]
    status, problem = await create(farm, hardware_config_ids=[10**9])
    assert status == 422
    assert problem["errors"][0]["pointer"] == "#/hardware_config_ids"


async def test_a_scene_may_be_named_by_the_path_it_was_uploaded_under(farm: Farm) -> None:
    await farm.upload(b"wolf", "C:/Project/wolf.blend")
    status, _ = await create(farm, scene_file="C:/Project/wolf.blend")
    assert status == 201
    (row,) = await farm.rows(JOBS)
    assert row.spec["work"]["scene"] == "wolf.blend"
    status, problem = await create(farm, scene_file="C:/Project/none.blend")
    assert (status, problem["errors"][0]["pointer"]) == (422, "#/scene_file")


async def test_cancel_pause_and_resume_are_accepted_twice(farm: Farm) -> None:
    _, task = await create(farm)
    async with farm.client() as client:
        for wish in ("pause", "pause", "resume", "resume", "cancel", "cancel"):
            answer = await client.post(f"/api/tasks/{task['id']}/{wish}")
            assert answer.status_code == 202
        assert (await client.post("/api/tasks/none/cancel")).status_code == 404


async def test_clean_up_waits_for_the_end_and_is_asked_once(farm: Farm) -> None:
    _, task = await create(farm)
    async with farm.client() as client:
        running = await client.post(f"/api/tasks/{task['id']}/cleanup")
        await farm.insert(JOB_STATES, state_row(farm, task["id"], state="COMPLETED"))
        for _ in range(2):
            ended = await client.post(f"/api/tasks/{task['id']}/cleanup")
            assert ended.status_code == 202
    assert running.status_code == 409
    assert (ended.json()["bytesFreed"], ended.json()["complete"]) == (0, True)
    (row,) = await farm.rows(JOBS)
    assert (row.cleanups_wanted, row.version) == (1, 2)


async def test_clean_up_tells_what_the_nodes_have_freed(farm: Farm) -> None:
    await a_node(farm)
    _, task = await create(farm)
    await farm.insert(JOB_STATES, state_row(farm, task["id"], state="COMPLETED"))
    freed = {"job_id": task["id"], "tenant_id": farm.one.id, "at": farm.clock.now()}
    path = f"/api/tasks/{task['id']}"
    async with farm.client() as client:
        early = (await client.post(f"{path}/cleanup")).json()
        assert (early["bytesFreed"], early["complete"]) == (0, False)
        asked = asyncio.ensure_future(client.post(f"{path}/cleanup"))
        await farm.insert(WORKSPACES_FREED, {**freed, "node_id": "node-1", "bytes": 2**40})
        late = (await asked).json()
        assert (late["bytesFreed"], late["complete"]) == (2**40, True)
        await farm.insert(WORKSPACES_FREED, {**freed, "node_id": "gone", "bytes": 5})
        again = (await client.post(f"{path}/cleanup")).json()
        assert (again["bytesFreed"], again["complete"]) == (2**40 + 5, True)
        farm.cache.clear()
        assert (await client.get(f"{path}/status")).json()["bytesFreed"] == 2**40 + 5


async def test_frames_are_shown_whether_or_not_rows_stand_for_them(farm: Farm) -> None:
    _, task = await create(farm, test_frames="50")
    job_id = task["id"]
    async with farm.client() as client:
        path = f"/api/tasks/{job_id}/status"
        fresh = (await client.get(path, params={"limit": 3})).json()
    assert [frame["number"] for frame in fresh["frames"]] == [50, 1, 2]
    assert {frame["status"] for frame in fresh["frames"]} == {"PENDING"}
    await _some_progress(farm, job_id)
    farm.cache.clear()
    async with farm.client() as client:
        seen = (await client.get(path, params={"limit": 5})).json()
        last = (await client.get(path, params={"offset": 98, "limit": 5})).json()
    done, running, failed, back, waiting = seen["frames"]
    assert (done["number"], done["status"], done["node"]) == (50, "COMPLETED", "mill")
    assert "signature=" in done["resultUrl"]
    assert (running["status"], running["progress"], running["node"]) == ("PROCESSING", 0.5, "mill")
    assert (failed["status"], failed["retryCount"], failed["error"]) == ("FAILED", 3, "no licence")
    assert (back["status"], back["retryCount"]) == ("PENDING", 1)
    assert (waiting["number"], waiting["status"]) == (4, "PENDING")
    assert [frame["number"] for frame in last["frames"]] == [99, 100]
    assert (seen["totalFrames"], seen["progress"]) == (100, 0.35)


async def _some_progress(farm: Farm, job_id: str) -> None:
    now, ids = farm.clock.now(), {"tenant_id": farm.one.id, "job_id": job_id}
    await a_node(farm)
    await farm.insert(JOB_STATES, state_row(farm, job_id))
    step = {**ids, "frames": 1, "next_ordinal": 1, "succeeded": 0, "failed": 0, "running": 0}
    for position, name in enumerate(("test", "frames")):
        more = {"id": f"step-{position}", "position": position, "name": name, "state": "RUNNING"}
        await farm.insert(STEPS, {**step, **more, "updated_at": now})
    task = {
        **ids,
        "owner_id": "o",
        "node_id": "node-1",
        "priority": 1,
        "failures": 0,
        "tries": 1,
        "created_at": now,
    }
    done = {"id": "t0", "step_id": "step-0", "ordinals": [0], "frames": [50], "progress": 1.0}
    live = {"id": "t1", "step_id": "step-1", "ordinals": [0], "frames": [1], "progress": 0.5}
    await farm.insert(
        TASKS,
        {**task, **done, "state": "SUCCEEDED", "attempt_id": "a0"},
        {**task, **live, "state": "RUNNING", "attempt_id": "a1"},
    )
    attempt = {**ids, "node_id": "node-1", "session": "s", "epoch": 1, "cores": 1, "ram": 1}
    attempt |= {"gpus": [], "assigned_at": now, "started_at": now}
    await farm.insert(
        ATTEMPTS,
        {**attempt, "id": "a0", "step_id": "step-0", "task_id": "t0", "state": "SUCCEEDED"},
        {**attempt, "id": "a1", "step_id": "step-1", "task_id": "t1", "state": "RUNNING"},
    )
    result = {**ids, "step_id": "step-0", "ordinal": 0, "attempt_id": "a0", "node_id": "node-1"}
    result |= {"frame": 50, "object_key": "k/0050.png", "blake3": "b", "size": 1, "width": 1}
    result |= {"height": 1, "media_type": "image/png", "seconds": 1.0, "created_at": now}
    await farm.insert(RESULTS, result)
    failed = {"step_id": "step-1", "ordinal": 1, "frame": 2, "failures": 4, "tries": 4}
    await farm.insert(
        FAILED_ORDINALS, {**failed, "kind": "engine", "error": "no licence", "at": now}
    )
    back = {"step_id": "step-1", "ordinal": 2, "not_before": now, "failures": 1, "tries": 2}
    await farm.insert(GIVEN_BACK, back)

"""What nodes were given of a job, and how far they are."""

from datetime import timedelta

from services.api.tests.conftest import Farm

from lightmill.storage.sql.schema.scheduler import TASKS


async def test_a_frame_that_runs_tells_how_long_it_still_takes(farm: Farm) -> None:
    job_id = await farm.job()
    now = farm.clock.now()
    task: dict[str, object] = {"tenant_id": farm.one.id, "owner_id": "ann", "job_id": job_id}
    task |= {"step_id": "s", "ordinals": [0], "frames": [1], "node_id": "n", "attempt_id": "a"}
    task |= {"priority": 1, "failures": 0, "tries": 0, "created_at": now}
    begun = {"started_at": now - timedelta(seconds=100), "progress": 0.8}
    done = {**begun, "progress": 1.0, "finished_at": now}
    await farm.insert(TASKS, {**task, **begun, "id": "1", "state": "RUNNING"})
    await farm.insert(TASKS, {**task, **done, "id": "2", "state": "SUCCEEDED"})
    await farm.insert(TASKS, {**task, "progress": 0.0, "id": "3", "state": "ASSIGNED"})
    async with farm.client() as client:
        answer = await client.get(f"/api/v1/jobs/{job_id}/tasks")
    runs, ended, waits = answer.json()["items"]
    assert 24 <= runs["remaining_seconds"] <= 30
    assert ended["remaining_seconds"] is waits["remaining_seconds"] is None

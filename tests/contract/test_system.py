"""contract.md, "Sub-tasks and the executor" (seed 003): status, monitoring, executors."""

from typing import Any

from services.api.tests.conftest import Farm
from services.api.tests.http.test_jobs import state_row

from lightmill.storage.sql.schema.scheduler import JOB_STATES, LIMIT_STATES, NODES

SWEEP = {"prompts": ["a cat", "a dog"], "variables": {"style": ["ink", "oil", "film"]}}


async def get(farm: Farm, path: str) -> dict[str, Any]:
    async with farm.client() as client:
        answer = await client.get(f"/api/v1/system/{path}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def sweep(farm: Farm, name: str) -> str:
    async with farm.client() as client:
        answer = await client.post("/api/v1/sweeps", json={"name": name, **SWEEP})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def a_node(farm: Farm, name: str, state: str = "ONLINE") -> None:
    now = farm.clock.now()
    offer = {"cores": 8, "ram": 2**34, "pools": ["default", "film"]}
    row = {"id": f"id-{name}", "name": name, "session": "s", "state": state, "offer": offer}
    await farm.insert(NODES, {**row, "seen_at": now, "updated_at": now})


async def test_a_status_has_the_documented_fields(farm: Farm) -> None:
    status = await get(farm, "status")
    assert set(status) == {
        "status",
        "uptime",
        "version",
        "executorStatus",
        "taskStats",
        "dbStatus",
    }
    assert set(status["executorStatus"]) == {"standardTasks", "luminaTasks"}
    tasks = {"concurrentTasks", "runningTasks", "pendingTasks"}
    assert all(set(kind) == tasks for kind in status["executorStatus"].values())
    assert set(status["taskStats"]) == {
        "pending",
        "processing",
        "completed",
        "failed",
        "processingRate",
    }
    assert set(status["taskStats"]["pending"]) == {"total", "standard", "lumina"}
    assert status["status"] in {"healthy", "degraded", "down"}
    assert (status["dbStatus"], status["version"]) == ("connected", "0.1.0")


async def test_uptime_is_in_seconds(farm: Farm) -> None:
    before = (await get(farm, "status"))["uptime"]
    farm.clock.pass_time(90)
    assert (await get(farm, "status"))["uptime"] == before + 90


async def test_concurrency_begins_with_the_seeds_defaults_and_follows_the_ceilings(
    farm: Farm,
) -> None:
    kinds = (await get(farm, "status"))["executorStatus"]
    assert kinds["standardTasks"]["concurrentTasks"] == 10
    assert kinds["luminaTasks"]["concurrentTasks"] == 2
    moved = {"name": "sweeps", "ceiling": 15, "moved_at": farm.clock.now()}
    await farm.insert(LIMIT_STATES, moved)
    kinds = (await get(farm, "status"))["executorStatus"]
    assert kinds["standardTasks"]["concurrentTasks"] == 15


async def test_tasks_are_counted_by_kind_and_waiting_ones_by_their_ranges(farm: Farm) -> None:
    await farm.job(frames="1-1000000")
    standard = await sweep(farm, "cats")
    await sweep(farm, "cats for Lumina")
    began = farm.clock.now()
    counts = {"frames": 6, "succeeded": 2, "failed": 1, "running": 1, "started_at": began}
    await farm.insert(JOB_STATES, state_row(farm, standard, **counts))
    farm.clock.pass_time(60)
    status = await get(farm, "status")
    assert status["taskStats"]["pending"] == {"total": 1000008, "standard": 1000002, "lumina": 6}
    assert {name: status["taskStats"][name] for name in ("processing", "completed", "failed")} == {
        "processing": 1,
        "completed": 2,
        "failed": 1,
    }
    assert status["taskStats"]["processingRate"] == 2.0
    assert status["executorStatus"]["luminaTasks"]["pendingTasks"] == 6
    assert status["executorStatus"]["standardTasks"]["runningTasks"] == 1


async def test_what_is_cancelled_waits_no_more(farm: Farm) -> None:
    job = await farm.job()
    await farm.insert(JOB_STATES, state_row(farm, job, state="CANCELLED", running=0))
    assert (await get(farm, "status"))["taskStats"]["pending"]["total"] == 0


async def test_another_tenants_work_is_not_counted(farm: Farm) -> None:
    await farm.job(tenant=farm.two)
    assert (await get(farm, "status"))["taskStats"]["pending"]["total"] == 0


async def test_monitoring_has_the_documented_fields_and_names_the_executors(farm: Farm) -> None:
    await a_node(farm, "mill")
    found = await get(farm, "monitoring")
    assert set(found) == {"systemStatus", "taskStats", "executorStats", "dbStats", "alerts"}
    assert found["taskStats"] == found["systemStatus"]["taskStats"]
    (executor,) = found["executorStats"]["executors"]
    assert (executor["executorId"], executor["status"]) == ("id-mill", "ONLINE")
    assert executor["executorGroup"] == ["default", "film"]


async def test_alerts_name_what_somebody_should_look_at(farm: Farm) -> None:
    await a_node(farm, "mill", "QUARANTINED")
    messages = [alert["message"] for alert in (await get(farm, "monitoring"))["alerts"]]
    assert "node mill is QUARANTINED" in messages
    assert "no render node is online" in messages
    assert "no scheduler has led yet" in messages

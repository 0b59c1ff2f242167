"""The history of a job: its own lines, and those that its attempts' rows tell."""

from datetime import timedelta

from services.api.tests.conftest import Farm

from lightmill.storage.sql.schema.scheduler import ATTEMPTS, HISTORY

EXPECTED = [
    ("job", None, "PENDING", "taken in"),
    ("attempt", None, "ASSIGNED", "given to node-1"),
    ("attempt", None, "ASSIGNED", "given to node-1"),
    ("attempt", "ASSIGNED", "RUNNING", "begun by the node"),
    ("attempt", "ASSIGNED", "SUCCEEDED", "every frame delivered"),
    ("attempt", "RUNNING", "FAILED", "engine: it fell over"),
    ("job", "PROCESSING", "FAILED", "1 of 2 frames failed"),
]


async def make_history(farm: Farm, job_id: str) -> None:
    start = farm.clock.now()
    ids = {"tenant_id": farm.one.id, "job_id": job_id}

    def second(number: int) -> dict[str, object]:
        return {"at": start + timedelta(seconds=number)}

    line = {**ids, "entity": "job", "entity_id": job_id, "by": "scheduler"}
    attempt: dict[str, object] = {
        **ids,
        "step_id": "s",
        "task_id": "t",
        "node_id": "node-1",
        "session": "s",
    }
    attempt |= {"epoch": 1, "cores": 1, "ram": 1, "gpus": [], "assigned_at": start}
    slow = {"started_at": second(1)["at"], "ended_at": second(3)["at"], "state": "FAILED"}
    quick = {"started_at": second(2)["at"], "ended_at": second(2)["at"], "state": "SUCCEEDED"}
    failure = {"failure": "engine", "detail": "it fell over"}
    done = {"failure": None, "detail": "every frame delivered"}
    await farm.insert(HISTORY, {**line, "became": "PENDING", "why": "taken in", **second(0)})
    await farm.insert(ATTEMPTS, {**attempt, "id": "a-1", **slow, **failure})
    await farm.insert(ATTEMPTS, {**attempt, "id": "a-2", **quick, **done})
    end = {"was": "PROCESSING", "became": "FAILED", "why": "1 of 2 frames failed"}
    await farm.insert(HISTORY, {**line, **end, **second(3)})


async def test_attempts_tell_their_lines_between_those_of_the_job(farm: Farm) -> None:
    job_id = await farm.job()
    await make_history(farm, job_id)
    async with farm.client() as client:
        answer = await client.get(f"/api/v1/jobs/{job_id}/history")
    lines = answer.json()["items"]
    assert [(it["entity"], it["was"], it["became"], it["why"]) for it in lines] == EXPECTED
    assert [it["at"] for it in lines] == sorted(it["at"] for it in lines)
    assert len({it["id"] for it in lines}) == len(lines)
    assert answer.json()["next"] is None


async def test_pages_of_a_history_leave_nothing_out_and_repeat_nothing(farm: Farm) -> None:
    job_id = await farm.job()
    await make_history(farm, job_id)
    for limit in range(1, len(EXPECTED) + 1):
        found: list[tuple[str, ...]] = []
        after: dict[str, str] | None = {}
        async with farm.client() as client:
            while after is not None:
                question = {"limit": str(limit), **after}
                page = (await client.get(f"/api/v1/jobs/{job_id}/history", params=question)).json()
                found += [
                    (it["entity"], it["was"], it["became"], it["why"]) for it in page["items"]
                ]
                after = None if page["next"] is None else {"cursor": page["next"]}
        assert found == EXPECTED


async def test_a_cursor_of_another_list_is_refused(farm: Farm) -> None:
    job_id = await farm.job()
    async with farm.client() as client:
        answer = await client.get(f"/api/v1/jobs/{job_id}/history", params={"cursor": "WzFd"})
    assert answer.status_code == 422

from services.api.tests.conftest import Farm

from lightmill.domain.principal import Role
from lightmill.runtime.ids import new_id
from lightmill.storage.sql.schema.api import AUDIT_LOG, JOBS, OUTBOX
from lightmill.storage.sql.schema.scheduler import JOB_STATES


def state_row(farm: Farm, job_id: str, **more: object) -> dict[str, object]:
    now = farm.clock.now()
    return {
        "job_id": job_id,
        "tenant_id": farm.one.id,
        "owner_id": farm.one.users[Role.ARTIST],
        "state": "PROCESSING",
        "paused": False,
        "applied_version": 1,
        "applied_retries": 0,
        "applied_cleanups": 0,
        "frames": 10,
        "succeeded": 3,
        "failed": 0,
        "running": 1,
        "progress": 0.35,
        "version": 4,
        "created_at": now,
        "updated_at": now,
        **more,
    }


async def test_a_job_is_one_row_one_message_and_one_line_of_audit(farm: Farm) -> None:
    bundle = await farm.bundle()
    audited = await farm.count(AUDIT_LOG)
    body = {"name": "n", "bundle_id": bundle, "scene": "scene.blend", "frames": "1-24"}
    async with farm.client() as client:
        answer = await client.post("/api/v1/jobs", json=body)
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/jobs/{answer.json()['id']}"
    (row,) = await farm.rows(JOBS)
    assert (row.id, row.frame_count, row.version) == (answer.json()["id"], 24, 1)
    (message,) = await farm.rows(OUTBOX)
    assert message.kind == "job.wanted.v1"
    assert await farm.count(AUDIT_LOG) == audited + 1


async def test_a_million_frames_cost_as_many_statements_as_one(farm: Farm) -> None:
    bundle = await farm.bundle()
    body = {"name": "n", "bundle_id": bundle, "scene": "scene.blend"}
    costs = []
    async with farm.client() as client:
        for frames in ("1", "1-1000000"):
            before = farm.parts.database.statements
            answer = await client.post("/api/v1/jobs", json={**body, "frames": frames})
            assert answer.status_code == 201
            costs.append(farm.parts.database.statements - before)
        over = await client.post("/api/v1/jobs", json={**body, "frames": "1-1000001"})
    assert costs[1] <= costs[0]
    assert await farm.count(JOBS) == await farm.count(OUTBOX) == 2
    assert over.status_code == 422
    assert over.json()["errors"][0]["pointer"] == "#/frames"
    assert "1000000" in over.json()["detail"]


async def test_frames_and_test_frames_together_keep_to_the_limit(farm: Farm) -> None:
    body = {"name": "n", "bundle_id": await farm.bundle(), "scene": "scene.blend"}
    async with farm.client() as client:
        answer = await client.post(
            "/api/v1/jobs", json={**body, "frames": "1-1000000", "test_frames": "2000000"}
        )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/test_frames"
    assert await farm.count(JOBS) == 0


async def test_a_new_job_is_pending(farm: Farm) -> None:
    job = await farm.job()
    async with farm.client() as client:
        body = (await client.get(f"/api/v1/jobs/{job}")).json()
    assert body["state"] == "PENDING"
    assert body["frames"] == {"total": 10, "succeeded": 0, "failed": 0, "running": 0}
    (step,) = body["steps"]
    assert (step["name"], step["frames"], step["chunk"]) == ("frames", "1-10", None)


async def test_a_status_in_the_cache_is_read_without_sql(farm: Farm) -> None:
    job = await farm.job()
    await farm.insert(JOB_STATES, state_row(farm, job))
    async with farm.client() as client:
        first = await client.get(f"/api/v1/jobs/{job}")
        before = farm.parts.database.statements
        again = await client.get(f"/api/v1/jobs/{job}")
        seed = await client.get(f"/jobs/{job}")
        assert farm.parts.database.statements == before
        farm.cache.clear()
        from_sql = await client.get(f"/api/v1/jobs/{job}")
        assert farm.parts.database.statements > before
    assert first.json() == again.json() == from_sql.json()
    assert seed.json()["status"] == first.json()["state"] == "PROCESSING"


async def test_another_tenants_cached_status_is_not_shown(farm: Farm) -> None:
    job = await farm.job()
    async with farm.client() as client:
        assert (await client.get(f"/jobs/{job}")).status_code == 200
    async with farm.client(tenant=farm.two) as client:
        foreign = await client.get(f"/jobs/{job}")
        absent = await client.get("/jobs/nothing")
        assert foreign.status_code == absent.status_code == 404
        assert {**foreign.json(), "instance": ""} == {**absent.json(), "instance": ""}
        assert (await client.get(f"/api/v1/jobs/{job}")).status_code == 404


async def test_wishes_raise_the_version_once_and_ring_the_bell(farm: Farm) -> None:
    job = await farm.job()
    async with farm.client() as client:
        for wish in ("pause", "pause", "resume", "cancel", "cancel"):
            answer = await client.post(f"/api/v1/jobs/{job}/{wish}")
            assert answer.status_code == 202
    (row,) = await farm.rows(JOBS)
    assert (row.version, row.paused, row.wanted) == (4, False, "CANCEL")
    assert [message.body for message in await farm.rows(OUTBOX)][-1].count(b'"version":4') == 1


async def test_a_pause_is_shown_until_the_job_has_ended(farm: Farm) -> None:
    job = await farm.job()
    await farm.insert(JOB_STATES, state_row(farm, job, paused=True))
    async with farm.client() as client:
        assert (await client.get(f"/api/v1/jobs/{job}")).json()["state"] == "PAUSED"
        assert (await client.get(f"/jobs/{job}")).json()["status"] == "PROCESSING"
        listed = (await client.get("/api/v1/jobs", params={"state": "PAUSED"})).json()
        assert [item["id"] for item in listed["items"]] == [job]
        others = (await client.get("/api/v1/jobs", params={"state": "PROCESSING"})).json()
        assert others["items"] == []


async def test_a_list_by_state_goes_on_where_its_cursor_stands(farm: Farm) -> None:
    jobs = [await farm.job(name=name) for name in "abc"]
    for job in jobs:
        await farm.insert(JOB_STATES, state_row(farm, job, state="FAILED"))
    foreign = await farm.job(tenant=farm.two)
    await farm.insert(JOB_STATES, state_row(farm, foreign, state="FAILED", tenant_id=farm.two.id))
    seen, wanted = [], {"state": "FAILED", "limit": "2"}
    async with farm.client() as client:
        while True:
            listed = (await client.get("/api/v1/jobs", params=wanted)).json()
            seen += [item["id"] for item in listed["items"]]
            if listed["next"] is None:
                break
            wanted["cursor"] = listed["next"]
    assert seen == jobs[::-1]


async def test_retry_is_for_failed_jobs(farm: Farm) -> None:
    job = await farm.job()
    async with farm.client() as client:
        early = await client.post(f"/api/v1/jobs/{job}/retry")
        await farm.insert(JOB_STATES, state_row(farm, job, state="FAILED"))
        late = await client.post(f"/api/v1/jobs/{job}/retry")
    assert (early.status_code, late.status_code) == (409, 202)
    (row,) = await farm.rows(JOBS)
    assert row.retries_wanted == 1


async def test_a_retry_takes_back_a_cancel_that_came_after_the_failure(farm: Farm) -> None:
    job = await farm.job()
    await farm.insert(JOB_STATES, state_row(farm, job, state="FAILED"))
    async with farm.client() as client:
        await client.post(f"/api/v1/jobs/{job}/cancel")
        assert (await client.post(f"/api/v1/jobs/{job}/retry")).status_code == 202
    (row,) = await farm.rows(JOBS)
    assert (row.wanted, row.retries_wanted) == ("RUN", 1)


async def test_priority_changes_only_from_the_version_that_was_read(farm: Farm) -> None:
    job = await farm.job()
    async with farm.client() as client:
        etag = (await client.get(f"/api/v1/jobs/{job}")).headers["etag"]
        changed = await client.patch(
            f"/api/v1/jobs/{job}", json={"priority": 50}, headers={"If-Match": etag}
        )
        late = await client.patch(
            f"/api/v1/jobs/{job}", json={"priority": 60}, headers={"If-Match": etag}
        )
        seen = await client.get(f"/api/v1/jobs/{job}")
    assert changed.status_code == 200
    assert late.status_code == 412
    assert (seen.json()["priority"], seen.headers["etag"]) == (50, changed.headers["etag"])


async def test_an_artist_changes_only_jobs_of_their_own(farm: Farm) -> None:
    async with farm.client(Role.ADMIN) as client:
        bundle = await farm.bundle()
        body = {"name": "n", "bundle_id": bundle, "scene": "scene.blend", "frames": "1"}
        theirs = (await client.post("/api/v1/jobs", json=body)).json()["id"]
    mine = await farm.job()
    async with farm.client() as client:
        assert (await client.get(f"/api/v1/jobs/{theirs}")).status_code == 200
        refused = await client.post(f"/api/v1/jobs/{theirs}/cancel")
    async with farm.client(Role.ADMIN) as client:
        allowed = await client.post(f"/api/v1/jobs/{mine}/cancel")
    assert (refused.status_code, allowed.status_code) == (403, 202)


async def test_lists_are_read_page_by_page(farm: Farm) -> None:
    made = []
    for _ in range(5):
        made.append(await farm.job())
        farm.clock.pass_time(1)
    found, cursor = [], None
    async with farm.client() as client:
        while True:
            params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/api/v1/jobs", params=params)).json()
            found += [item["id"] for item in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        broken = await client.get("/api/v1/jobs", params={"cursor": "nonsense"})
    assert found == made[::-1]
    assert broken.status_code == 422
    assert broken.json()["code"] == "invalid-cursor"


async def test_a_scene_must_be_in_its_bundle(farm: Farm) -> None:
    body = {"name": "n", "bundle_id": await farm.bundle(), "frames": "1"}
    async with farm.client() as client:
        absent = await client.post("/api/v1/jobs", json={**body, "scene": "other.blend"})
        unnamed = await client.post("/api/v1/jobs", json=body)
        foreign = await client.post(
            "/api/v1/jobs", json={**body, "bundle_id": new_id(), "scene": "scene.blend"}
        )
    for answer, pointer in ((absent, "scene"), (unnamed, "scene"), (foreign, "bundle_id")):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == f"#/{pointer}"
    assert await farm.count(JOBS) == 0


async def test_a_bundle_whose_file_was_deleted_is_refused(farm: Farm) -> None:
    bundle = await farm.bundle("scene.blend", "wood.jpg")
    async with farm.client() as client:
        files = (await client.get("/api/v1/files")).json()["items"]
        wood = next(file["asset_id"] for file in files if file["path"] == "wood.jpg")
        assert (await client.delete(f"/api/v1/files/{wood}")).status_code == 204
        body = {"name": "n", "bundle_id": bundle, "scene": "scene.blend", "frames": "1"}
        answer = await client.post("/api/v1/jobs", json=body)
    assert answer.status_code == 422
    assert "wood.jpg" in answer.json()["errors"][0]["detail"]


async def test_a_simulated_job_needs_no_files(farm: Farm) -> None:
    body = {"name": "n", "engine": "simulated", "frames": "1-3", "settings": {"seconds": 0.1}}
    async with farm.client() as client:
        answer = await client.post("/api/v1/jobs", json=body)
    assert answer.status_code == 201
    (row,) = await farm.rows(JOBS)
    assert row.kind == "simulated"


async def test_commands_run_in_trusted_pools_alone(farm: Farm) -> None:
    body: dict[str, object] = {
        "name": "noise",
        "engine": "command",
        "frames": "1-3",
        "settings": {"command": ["noise", "{frame}"]},
    }
    async with farm.client() as client:
        refused = await client.post("/api/v1/jobs", json=body)
        made = await client.post(
            "/api/v1/jobs", json={**body, "pool": "tools", "allow_waiting": True}
        )
        task = {"renderer": "command", "frames": "1"}
        as_task = await client.post("/api/tasks/", json=task)
    assert refused.status_code == 422
    assert "those are: tools" in refused.json()["detail"]
    assert made.status_code == 201
    assert as_task.status_code == 422

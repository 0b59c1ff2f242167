"""What nobody needs goes, what somebody needs stays."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import blake3
import pytest
from services.api.tests.conftest import BASE, Farm, Tenant
from services.api.tests.http.test_designs import a_result
from services.api.tests.http.test_jobs import state_row
from sqlalchemy import delete
from typing_extensions import override

from lightmill.api.adapters.assets import SqlAssets
from lightmill.api.adapters.retention import SqlUnneededAssets
from lightmill.api.config import ApiSettings
from lightmill.api.factory import assemble
from lightmill.domain.principal import Role
from lightmill.domain.results import attempt_prefix
from lightmill.storage.objects.folder import FolderStore
from lightmill.storage.sql.schema.api import ASSETS, JOBS, MULTIPART_UPLOADS, TEXTURES
from lightmill.storage.sql.schema.scheduler import JOB_STATES, RESULTS, STEPS

DAY = 86400.0
NOTHING = {"objects": 0, "bytes": 0}


async def collect(
    farm: Farm, *, dry_run: bool = False, tenant: Tenant | None = None
) -> dict[str, Any]:
    async with farm.client(Role.ADMIN, tenant) as client:
        answer = await client.post("/api/v1/collections", json={"dry_run": dry_run})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def keep(farm: Farm, **days: int | None) -> None:
    async with farm.client(Role.ADMIN) as client:
        answer = await client.put("/api/v1/retention", json=days)
        assert answer.status_code == 200, answer.text
        assert days.items() <= (await client.get("/api/v1/retention")).json().items()


async def paths(farm: Farm) -> set[str]:
    rows = await farm.rows(ASSETS)
    there = {row.path for row in rows if await farm.store.info(row.object_key) is not None}
    assert there == {row.path for row in rows}, "a row without its object"
    return there


async def test_a_file_that_nothing_needs_goes_after_its_time(farm: Farm) -> None:
    await farm.upload(b"12345", "old.png")
    farm.clock.pass_time(29 * DAY)
    await farm.upload(b"new", "new.png")
    assert (await collect(farm))["orphans"] == NOTHING
    farm.clock.pass_time(2 * DAY)
    told = await collect(farm, dry_run=True)
    assert (told["dry_run"], told["bytes"]) == (True, 5)
    assert await paths(farm) == {"old.png", "new.png"}
    done = await collect(farm)
    assert done["orphans"] == told["orphans"] == {"objects": 1, "bytes": 5}
    assert await paths(farm) == {"new.png"}
    assert (await collect(farm))["bytes"] == 0


async def of_a_design(farm: Farm) -> None:
    asset = await farm.upload(b"needed", "needed.glb")
    files = [{"path": "needed.glb", "asset_id": asset}]
    body = {"name": "Chair", "model": "needed.glb", "files": files, "thumbnail": False}
    async with farm.client() as client:
        assert (await client.post("/api/v1/designs", json=body)).status_code == 201
    farm.clock.pass_time(400 * DAY)


async def of_an_old_version_of_a_design(farm: Farm) -> None:
    files = []
    async with farm.client() as client:
        for number, path in enumerate(("designs", "designs/chair/versions")):
            asset = await farm.upload(b"%d" % number, f"needed.{number}.glb")
            files = [{"path": "needed.glb", "asset_id": asset}]
            body = {"model": "needed.glb", "files": files, "thumbnail": False}
            named = {} if number else {"design_id": "chair", "name": "Chair"}
            made = await client.post(f"/api/v1/{path}", json={**body, **named})
            assert made.status_code == 201, made.text
    farm.clock.pass_time(400 * DAY)
    assert await farm.count(ASSETS) == 3


async def of_a_texture(farm: Farm) -> None:
    asset = await farm.upload(b"needed", "needed.png")
    file = {"path": "needed.png", "asset_id": asset}
    async with farm.client() as client:
        made = await client.post("/api/v1/textures", json={"name": "Oak", "file": file})
        assert made.status_code == 201
    farm.clock.pass_time(400 * DAY)


async def of_a_material(farm: Farm) -> None:
    await of_a_texture(farm)
    async with farm.client() as client:
        (texture,) = (await client.get("/api/v1/textures")).json()["items"]
        oak = {"name": "Oak", "textures": {"normal": texture["texture_id"]}}
        assert (await client.post("/api/v1/materials", json=oak)).status_code == 201
    async with farm.parts.database.transaction() as connection:
        await connection.execute(delete(TEXTURES))  # so that the material alone holds it


async def _job(farm: Farm) -> str:
    bundle = await farm.bundle("needed.blend")
    body = {"name": "n", "bundle_id": bundle, "scene": "needed.blend", "frames": "1"}
    async with farm.client() as client:
        return str((await client.post("/api/v1/jobs", json=body)).json()["id"])


async def of_a_job_that_nobody_has_looked_at(farm: Farm) -> None:
    await _job(farm)
    farm.clock.pass_time(400 * DAY)


async def of_a_job_that_runs_for_long(farm: Farm) -> None:
    await farm.insert(JOB_STATES, state_row(farm, await _job(farm), state="PROCESSING"))
    farm.clock.pass_time(400 * DAY)


async def of_a_job_that_ended_lately(farm: Farm) -> None:
    job = await _job(farm)
    farm.clock.pass_time(400 * DAY)
    ended = farm.clock.now() - timedelta(days=3)
    await farm.insert(JOB_STATES, state_row(farm, job, state="FAILED") | {"finished_at": ended})


async def of_a_job_that_is_to_be_retried(farm: Farm) -> None:
    job = await _job(farm)
    ended = farm.clock.now()
    await farm.insert(JOB_STATES, state_row(farm, job, state="FAILED") | {"finished_at": ended})
    farm.clock.pass_time(400 * DAY)
    async with farm.client() as client:
        assert (await client.post(f"/api/v1/jobs/{job}/retry")).status_code == 202


async def of_a_bundle_that_was_just_made(farm: Farm) -> None:
    asset = await farm.upload(b"needed", "needed.png")
    farm.clock.pass_time(400 * DAY)
    body = {"files": [{"path": "a.png", "asset_id": asset}]}
    async with farm.client() as client:
        assert (await client.post("/api/v1/bundles", json=body)).status_code == 201


async def of_somebody_who_has_asked_whether_it_is_there(farm: Farm) -> None:
    await farm.upload(b"needed", "needed.png")
    farm.clock.pass_time(400 * DAY)
    name = blake3.blake3(b"needed").hexdigest()
    async with farm.client() as client:
        answer = await client.post("/api/files/check_hashes", json={"hashes": [name]})
    assert answer.json()["exists"] == [name]


async def of_somebody_who_has_sent_it_again(farm: Farm) -> None:
    await farm.upload(b"needed", "needed.png")
    farm.clock.pass_time(400 * DAY)
    await farm.upload(b"needed", "needed again.png")


NEEDS: Sequence[Callable[[Farm], Awaitable[None]]] = (
    of_a_design,
    of_an_old_version_of_a_design,
    of_a_texture,
    of_a_material,
    of_a_job_that_nobody_has_looked_at,
    of_a_job_that_runs_for_long,
    of_a_job_that_ended_lately,
    of_a_job_that_is_to_be_retried,
    of_a_bundle_that_was_just_made,
    of_somebody_who_has_asked_whether_it_is_there,
    of_somebody_who_has_sent_it_again,
)


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.__name__)
async def test_a_file_stays(farm: Farm, need: Callable[[Farm], Awaitable[None]]) -> None:
    await farm.upload(b"free", "free.png")
    await need(farm)
    assert (await collect(farm))["orphans"]["objects"] == 1
    assert {path.partition(".")[0] for path in await paths(farm)} == {"needed"}


async def test_the_files_of_a_job_that_is_long_over_go(farm: Farm) -> None:
    job, ended = await _job(farm), farm.clock.now()
    row = state_row(farm, job, state="COMPLETED") | {"finished_at": ended}
    await farm.insert(JOB_STATES, row)
    farm.clock.pass_time(31 * DAY)
    await collect(farm)
    assert await paths(farm) == set()


async def test_a_file_asked_for_while_the_collection_runs_stays(farm: Farm) -> None:
    await farm.upload(b"asked for", "a.png")
    farm.clock.pass_time(400 * DAY)
    unneeded = SqlUnneededAssets(farm.parts.database)
    before = farm.clock.now() - timedelta(days=30)
    held = await unneeded.held(farm.one.id, before)
    (old,) = await unneeded.untouched(farm.one.id, before, 0, 10)
    assert old.id not in held
    await SqlAssets(farm.parts.database, farm.clock).touch(farm.one.id, [old.id])
    assert await unneeded.drop(farm.one.id, [old], before) == []
    assert await paths(farm) == {"a.png"}


class BusyStore(FolderStore):
    """Has the same content come again between the row's end and the object's."""

    again: Callable[[], Awaitable[object]] | None = None

    @override
    async def delete(self, keys: Sequence[str]) -> None:
        again, self.again = self.again, None
        if again is not None:
            await again()
        await super().delete(keys)


async def test_content_that_comes_again_while_it_is_deleted_stays(farm: Farm) -> None:
    store = BusyStore(farm.store.path("x").parent.parent, BASE, b"s" * 32, farm.clock)
    farm.assembly = assemble(ApiSettings(), replace(farm.parts, store=store))
    asset = await farm.upload(b"again", "a.png")
    store.again = lambda: farm.upload(b"again", "b.png")
    async with farm.client() as client:
        assert (await client.delete(f"/api/v1/files/{asset}")).status_code == 204
    assert await paths(farm) == {"b.png"}
    farm.clock.pass_time(31 * DAY)
    store.again = lambda: farm.upload(b"again", "c.png")
    assert (await collect(farm))["orphans"]["objects"] == 1
    assert await paths(farm) == {"c.png"}


async def test_uploads_under_way_stay_and_forgotten_ones_go(farm: Farm) -> None:
    async def begin(name: str) -> str:
        body = {"blake3": blake3.blake3(name.encode()).hexdigest(), "size": 9, "path": name}
        async with farm.client() as client:
            return str((await client.post("/api/v1/uploads", json=body)).json()["upload_id"])

    forgotten, under_way = await begin("forgotten"), await begin("under way")
    rows = {row.id: row for row in await farm.rows(MULTIPART_UPLOADS)}
    for upload in rows.values():
        await farm.store.put_part(upload.object_key, upload.store_id, 1, _pieces(b"123456789"))
    farm.clock.pass_time(3 * DAY)
    assert await begin("under way") == under_way
    told = await collect(farm, dry_run=True)
    assert told["uploads"] == {"objects": 1, "bytes": 9}
    assert (await collect(farm))["uploads"] == told["uploads"]
    assert [row.id for row in await farm.rows(MULTIPART_UPLOADS)] == [under_way]
    row = rows[under_way]
    assert len(await farm.store.parts(row.object_key, row.store_id)) == 1
    assert forgotten != under_way


async def _pieces(content: bytes) -> Any:  # noqa: ANN401  # an async generator
    yield content


async def test_an_object_that_no_row_names_goes_when_it_is_old(farm: Farm) -> None:
    await farm.upload(b"known", "known.png")
    stray = f"tenants/{farm.one.id}/assets/stray"
    await farm.store.put(stray, b"123", "text/plain")
    foreign = f"tenants/{farm.two.id}/assets/stray"
    await farm.store.put(foreign, b"123", "text/plain")
    await keep(farm, orphans=None)
    assert (await collect(farm))["strays"] == NOTHING
    farm.clock.pass_time(30 * DAY)
    assert (await collect(farm))["strays"] == {"objects": 1, "bytes": 3}
    assert await farm.store.info(stray) is None
    assert await farm.store.info(foreign) is not None
    assert await paths(farm) == {"known.png"}


async def test_the_objects_of_a_joined_upload_are_no_strays(farm: Farm) -> None:
    content = b"joined"
    body = {"blake3": blake3.blake3(content).hexdigest(), "size": 6, "path": "a"}
    async with farm.client() as client:
        await client.post("/api/v1/uploads", json=body)
        (row,) = await farm.rows(MULTIPART_UPLOADS)
        await farm.store.put_part(row.object_key, row.store_id, 1, _pieces(content))
        parts = await farm.store.parts(row.object_key, row.store_id)
        await farm.store.join_parts(row.object_key, row.store_id, parts)
        farm.clock.pass_time(3 * DAY)
        upload = (await client.post("/api/v1/uploads", json=body)).json()
        assert (upload["upload_id"], upload["lacking"]) == (row.id, [])
        assert (await collect(farm))["strays"] == NOTHING
        done = await client.post(f"/api/v1/uploads/{row.id}/complete")
    assert done.json()["uploaded"] is True
    assert await paths(farm) == {"a"}


async def _ended_job(farm: Farm) -> tuple[str, dict[str, str]]:
    job, now = await farm.job(), farm.clock.now()
    prefix = attempt_prefix(farm.one.id, job, "attempt-1")
    keys = {name: prefix + name for name in ("1.png", "thumbs/1.jpg", "log.txt")}
    for key in keys.values():
        await farm.store.put(key, b"12345", "image/png")
    row = state_row(farm, job, state="COMPLETED") | {"finished_at": now}
    await farm.insert(JOB_STATES, row)
    ids, step_id = {"job_id": job, "tenant_id": farm.one.id}, f"s-{job}"[:36]
    step = {**ids, "id": step_id, "position": 0, "name": "render", "state": "SUCCEEDED"}
    step |= {"frames": 1, "next_ordinal": 1, "succeeded": 1, "failed": 0, "running": 0}
    await farm.insert(STEPS, {**step, "updated_at": now})
    result: dict[str, Any] = {**ids, "step_id": step_id, "ordinal": 0, "created_at": now}
    result |= {"attempt_id": "a", "node_id": "n", "frame": 1}
    result |= {"object_key": keys["1.png"], "thumbnail_key": keys["thumbs/1.jpg"]}
    result |= {"blake3": "b", "size": 5, "width": 1, "height": 1, "seconds": 1.0}
    await farm.insert(RESULTS, result | {"media_type": "image/png"})
    return job, keys


async def test_images_logs_and_workspaces_go_each_after_their_own_time(farm: Farm) -> None:
    job, keys = await _ended_job(farm)
    await keep(farm, results=20, intermediates=10, workspaces=5, orphans=None)

    async def left() -> set[str]:
        return {name for name, key in keys.items() if await farm.store.info(key) is not None}

    async def images() -> int:
        async with farm.client() as client:
            return len((await client.get(f"/api/v1/jobs/{job}/results")).json()["items"])

    farm.clock.pass_time(6 * DAY)
    assert (await collect(farm))["workspaces"]["objects"] == 1
    assert [row.cleanups_wanted for row in await farm.rows(JOBS)] == [1]
    assert (await collect(farm))["workspaces"] == NOTHING, "asked once is enough"
    farm.clock.pass_time(5 * DAY)
    assert (await collect(farm))["intermediates"] == {"objects": 1, "bytes": 5}
    assert await left() == {"1.png", "thumbs/1.jpg"}
    farm.clock.pass_time(10 * DAY)
    assert await images() == 1
    assert (await collect(farm, dry_run=True))["results"] == {"objects": 2, "bytes": 10}
    assert await left() == {"1.png", "thumbs/1.jpg"}
    assert (await collect(farm))["results"] == {"objects": 2, "bytes": 10}
    assert await left() == set()
    assert await images() == 0, "no URL that leads nowhere"
    async with farm.client() as client:
        assert (await client.get(f"/api/v1/jobs/{job}")).json()["result_url"] is None


async def test_results_are_kept_for_good_unless_somebody_says_otherwise(farm: Farm) -> None:
    _, keys = await _ended_job(farm)
    farm.clock.pass_time(4000 * DAY)
    report = await collect(farm)
    assert report["results"] == report["intermediates"] == NOTHING
    assert await farm.store.info(keys["1.png"]) is not None


async def test_every_tenant_has_its_own_times(farm: Farm) -> None:
    for tenant in (farm.one, farm.two):
        await farm.upload(b"same", f"{tenant.id}.png", tenant)
    await keep(farm, orphans=2)
    farm.clock.pass_time(3 * DAY)
    assert (await collect(farm, tenant=farm.two))["bytes"] == 0
    report = await farm.assembly.collector.everywhere(dry_run=False)
    assert report.document()["orphans"] == {"objects": 1, "bytes": 4}
    assert await paths(farm) == {f"{farm.two.id}.png"}


async def test_ages_that_make_no_sense_are_refused(farm: Farm) -> None:
    async with farm.client(Role.ADMIN) as client:
        for days in (0, -1, "never", 10**6):
            answer = await client.put("/api/v1/retention", json={"orphans": days})
            assert answer.status_code == 422


async def test_the_picture_of_a_design_outlives_other_results(farm: Farm) -> None:
    asset = await farm.upload(b"model", "chair.glb")
    files = [{"path": "chair.glb", "asset_id": asset}]
    body = {"design_id": "chair", "name": "Chair", "model": "chair.glb", "files": files}
    async with farm.client() as client:
        assert (await client.post("/api/v1/designs", json=body)).status_code == 201
        other = (await client.post("/jobs", json={"designId": "chair"})).json()["jobId"]
        picture = (await client.get("/api/v1/designs/chair")).json()["thumbnail_job"]
    for job in (other, picture):
        done = state_row(farm, job, state="COMPLETED") | {"finished_at": farm.clock.now()}
        await farm.insert(JOB_STATES, done)
        await farm.store.put(a_result_key(farm, job), b"png", "image/png")
        await farm.insert(RESULTS, a_result(farm, job, a_result_key(farm, job)) | {"step_id": job})
    await keep(farm, results=7)
    farm.clock.pass_time(8 * DAY)
    await collect(farm)
    assert await farm.store.info(a_result_key(farm, other)) is None
    assert await farm.store.info(a_result_key(farm, picture)) is not None


def a_result_key(farm: Farm, job: str) -> str:
    return attempt_prefix(farm.one.id, job, "a") + "0001.png"

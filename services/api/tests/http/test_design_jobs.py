import asyncio
from typing import Any

import httpx2
from pydantic import TypeAdapter
from services.api.tests.conftest import BASE, Farm

from lightmill.api.config import ApiSettings
from lightmill.api.factory import assemble
from lightmill.domain.job import JobSpec
from lightmill.domain.principal import Role
from lightmill.storage.sql.schema.api import ASSETS, BUNDLES, JOBS


async def a_design(farm: Farm, **more: object) -> None:
    asset = await farm.upload(b"model", "chair.glb")
    body = {
        "design_id": "test-design-1",
        "name": "Chair",
        "model": "chair.glb",
        "files": [{"path": "chair.glb", "asset_id": asset}],
        "thumbnail": False,
        **more,
    }
    async with farm.client() as client:
        answer = await client.post("/api/v1/designs", json=body)
    assert answer.status_code == 201, answer.text


async def submit(farm: Farm, path: str = "/jobs", **more: object) -> dict[str, Any]:
    async with farm.client() as client:
        answer = await client.post(path, json={"designId": "test-design-1", **more})
    body: dict[str, Any] = answer.json()
    return {"http": answer.status_code, **body}


async def test_a_design_job_is_a_bundle_with_a_script_in_a_first_come_first_served_pool(
    farm: Farm,
) -> None:
    await a_design(farm)
    made = await submit(farm, userId="ada")
    (row,) = await farm.rows(JOBS)
    spec = TypeAdapter(JobSpec).validate_python(row.spec)
    assert (row.id, row.pool, row.kind, row.user_label) == (
        made["jobId"],
        "designs",
        "design",
        "ada",
    )
    assert spec.fifo
    assert (spec.work.engine, spec.work.script, spec.frame_count) == ("blender", "render.py", 1)
    assert (spec.work.settings["width"], spec.work.settings["height"]) == (1920, 1080)
    (bundle,) = await farm.rows(BUNDLES)
    assert [entry["path"] for entry in bundle.manifest] == ["chair.glb", "render.py"]
    script = next(asset for asset in await farm.rows(ASSETS) if asset.path == "render.py")
    text = (await farm.store.get(script.object_key)).decode()
    assert '"fov": 45.0' in text
    assert '"model": "chair.glb"' in text


async def test_the_same_body_within_five_minutes_is_the_same_job(farm: Farm) -> None:
    await a_design(farm)
    first = await submit(farm)
    farm.clock.pass_time(299)
    again = await submit(farm)
    other = await submit(farm, userId="someone else")
    farm.clock.pass_time(2)
    late = await submit(farm)
    assert first == again
    assert len({first["jobId"], other["jobId"], late["jobId"]}) == 3
    assert await farm.count(JOBS) == 3


async def test_the_same_body_many_times_at_once_is_one_job(farm: Farm) -> None:
    await a_design(farm)
    other = assemble(ApiSettings(), farm.parts)  # another process, as far as memory goes
    both = [farm.assembly.app, other.app]
    headers = {"Authorization": f"Bearer {farm.one.tokens[Role.ARTIST]}"}

    async def ask(number: int) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=both[number % 2])
        async with httpx2.AsyncClient(
            transport=transport, base_url=BASE, headers=headers
        ) as client:
            return await client.post("/jobs", json={"designId": "test-design-1"})

    answers = await asyncio.gather(*map(ask, range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["jobId"] for answer in answers}) == 1
    assert await farm.count(JOBS) == 1


async def test_the_same_body_of_another_tenant_is_another_job(farm: Farm) -> None:
    await a_design(farm)
    first = await submit(farm)
    async with farm.client(tenant=farm.two) as client:
        foreign = await client.post("/jobs", json={"designId": "test-design-1"})
    assert foreign.status_code == 404
    assert first["http"] == 201


async def test_a_camera_that_sees_nothing_is_refused_by_field(farm: Farm) -> None:
    await a_design(farm)
    point = {"x": 0, "y": 0, "z": 5}
    cases: dict[str, dict[str, Any]] = {
        "#/camera/target": {"position": point, "target": point},
        "#/camera/up": {"position": point, "up": {"x": 0, "y": 0, "z": 1}},
        "#/camera/fov": {"fov": 180},
        "#/camera/position/x": {"position": {"x": "left", "y": 0, "z": 0}},
    }
    for pointer, camera in cases.items():
        refused = await submit(farm, camera=camera)
        assert refused["http"] == 422
        assert [error["pointer"] for error in refused["errors"]] == [pointer]
    assert await farm.count(JOBS) == await farm.count(BUNDLES) == 0


async def test_an_unknown_design_is_not_found(farm: Farm) -> None:
    assert (await submit(farm))["http"] == 404


async def test_a_design_may_choose_the_simulated_engine(farm: Farm) -> None:
    await a_design(farm, engine="simulated")
    await submit(farm, settings={"seconds": 0.5, "seed": 7})
    (row,) = await farm.rows(JOBS)
    work = TypeAdapter(JobSpec).validate_python(row.spec).work
    assert (work.engine, row.bundle_id) == ("simulated", None)
    assert work.settings["seconds"] == 0.5


async def test_a_call_may_choose_the_simulated_engine(farm: Farm) -> None:
    await a_design(farm)
    made = await submit(farm, "/jobs?engine=simulated")
    assert made["http"] == 201
    (row,) = await farm.rows(JOBS)
    assert row.spec["work"]["settings"]["seconds"] == [2, 5]


async def test_a_design_id_is_taken_once_in_a_tenant(farm: Farm) -> None:
    await a_design(farm)
    asset = await farm.upload(b"model", "chair.glb")
    files = [{"path": "chair.glb", "asset_id": asset}]
    body = {"design_id": "test-design-1", "name": "n", "model": "chair.glb", "files": files}
    async with farm.client() as client:
        again = await client.post("/api/v1/designs", json=body)
        outside = await client.post(
            "/api/v1/designs", json={**body, "design_id": "b", "model": "other.glb"}
        )
        unreadable = await client.post(
            "/api/v1/designs", json={**body, "design_id": "b", "model": "chair.txt"}
        )
    assert again.status_code == 409
    for answer in (outside, unreadable):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "#/model"

"""Designs in versions, the materials and textures they are made of, and who may use them."""

import ast
import json
from typing import Any

import httpx2
import pytest
from pydantic import TypeAdapter
from services.api.tests.conftest import Farm
from sqlalchemy import insert

from lightmill.api.use_cases.write_script import WriteScript
from lightmill.domain.job import JobSpec
from lightmill.domain.principal import Role
from lightmill.storage.sql.schema.analyzer import ANALYSES
from lightmill.storage.sql.schema.api import (
    ANALYSIS_REQUESTS,
    BUNDLES,
    DESIGN_VERSIONS,
    DESIGNS,
    GRANTS,
    JOBS,
    MATERIALS,
    TEXTURES,
    USES,
)
from lightmill.storage.sql.schema.scheduler import RESULTS

SPEC = TypeAdapter(JobSpec)


async def post(farm: Farm, path: str, body: object, role: Role = Role.ARTIST) -> httpx2.Response:
    async with farm.client(role) as client:
        return await client.post(f"/api/v1/{path}", json=body)


async def seen(farm: Farm, path: str, role: Role = Role.ARTIST) -> dict[str, Any]:
    async with farm.client(role) as client:
        answer = await client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def body_of(farm: Farm, content: bytes = b"model", **more: object) -> dict[str, object]:
    asset = await farm.upload(content, "chair.glb")
    files = [{"path": "chair.glb", "asset_id": asset}]
    return {"model": "chair.glb", "files": files, "thumbnail": False, **more}


async def a_chair(farm: Farm, **more: object) -> None:
    body = {**await body_of(farm), "design_id": "chair", "name": "Chair", **more}
    made = await post(farm, "designs", body)
    assert (made.status_code, made.json()) == (201, {"design_id": "chair", "version": 1})


async def an_oak(farm: Farm) -> None:
    file = {"path": "oak.png", "asset_id": await farm.upload(b"pixels", "oak.png")}
    made = await post(farm, "textures", {"texture_id": "grain", "name": "Grain", "file": file})
    assert made.status_code == 201, made.text
    oak = {"material_id": "oak", "name": "Oak", "roughness": 0.4, "base_color": [0.5, 0.3, 0.1]}
    made = await post(farm, "materials", {**oak, "textures": {"base_color": "grain"}})
    assert made.status_code == 201, made.text


async def render(farm: Farm, role: Role = Role.ARTIST, **more: object) -> httpx2.Response:
    async with farm.client(role) as client:
        return await client.post("/jobs", json={"designId": "chair", **more})


async def script(farm: Farm, job_id: str) -> dict[str, Any]:
    """Return the values of a job's script."""
    async with farm.client() as client:
        answer = await client.get(f"/api/v1/jobs/{job_id}/script")
    assert answer.headers["content-type"].startswith("text/x-python")
    return values_of(answer.text)


def values_of(text: str) -> dict[str, Any]:
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DESIGN":
            assert isinstance(node.value, ast.Call)
            return dict(json.loads(ast.literal_eval(node.value.args[0])))
    raise AssertionError("the script reads no values")


async def test_versions_are_kept_beside_each_other_and_the_latest_is_shown(farm: Farm) -> None:
    await a_chair(farm)
    second = await post(farm, "designs/chair/versions", await body_of(farm, b"better"))
    assert (second.status_code, second.json()["version"]) == (201, 2)
    latest = await seen(farm, "designs/chair")
    first = await seen(farm, "designs/chair/versions/1")
    listed = await seen(farm, "designs/chair/versions?limit=1")
    following = await seen(farm, f"designs/chair/versions?cursor={listed['next']}")
    assert (latest["version"], first["version"], latest["versions"]) == (2, 1, 2)
    assert latest["files"] != first["files"]
    assert [one["version"] for one in (*listed["items"], *following["items"])] == [2, 1]
    assert [one["version"] for one in (await seen(farm, "designs"))["items"]] == [2]
    async with farm.client() as client:
        assert (await client.get("/api/v1/designs/chair/versions/3")).status_code == 404


async def test_a_job_renders_the_version_that_it_asks_for(farm: Farm) -> None:
    await a_chair(farm)
    first = (await render(farm)).json()["jobId"]
    await post(farm, "designs/chair/versions", await body_of(farm, b"better"))
    again = (await render(farm, version=1)).json()["jobId"]
    latest = (await render(farm)).json()["jobId"]
    settings = {
        row.id: SPEC.validate_python(row.spec).work.settings for row in await farm.rows(JOBS)
    }
    assert [settings[job]["version"] for job in (first, again, latest)] == [1, 1, 2]
    assert (await render(farm, version=9)).status_code == 404


async def test_one_material_serves_several_designs_with_its_textures(farm: Farm) -> None:
    await an_oak(farm)
    await a_chair(farm, materials={"Seat": "oak", "*": "oak"})
    table = await body_of(farm, design_id="table", name="Table", materials={"*": "oak"})
    assert (await post(farm, "designs", table)).status_code == 201
    shown = await seen(farm, "designs/chair")
    assert shown["materials"] == {"Seat": "oak", "*": "oak"}
    (texture,) = [file["path"] for file in shown["files"] if file["path"] != "chair.glb"]
    assert texture.endswith("/base_color.png")
    values = await script(farm, (await render(farm)).json()["jobId"])
    shading = values["materials"]["Seat"]["shading"]
    assert (shading["roughness"], shading["base_color"]) == (0.4, [0.5, 0.3, 0.1])
    assert shading["textures"]["base_color"]["path"] == texture
    (bundle,) = await farm.rows(BUNDLES)
    assert {entry["path"] for entry in bundle.manifest} == {"chair.glb", "render.py", texture}


async def test_a_version_stays_what_it_was_and_holds_what_it_uses(farm: Farm) -> None:
    await an_oak(farm)
    await a_chair(farm, materials={"*": "oak"})
    async with farm.client() as client:
        for path in ("materials/oak", "textures/grain"):
            refused = await client.delete(f"/api/v1/{path}")
            assert (refused.status_code, refused.json()["code"]) == (409, "in-use")
        for path in ("designs/chair", "materials/oak", "textures/grain"):
            assert (await client.delete(f"/api/v1/{path}")).status_code == 204
            assert (await client.get(f"/api/v1/{path}")).status_code == 404
    for table in (DESIGNS, DESIGN_VERSIONS, MATERIALS, TEXTURES, USES, GRANTS):
        assert await farm.count(table) == 0, table.name


@pytest.mark.parametrize(
    ("path", "more", "pointer"),
    [
        ("designs", {"materials": {"Seat": "teak"}}, "#/materials/Seat"),
        ("materials", {"textures": {"normal": "bumps"}}, "#/textures/normal"),
        ("materials", {"roughness": 2}, "#/roughness"),
        ("textures", {"file": {"path": "oak.txt", "asset_id": 1}}, "#/file/path"),
    ],
)
async def test_what_is_not_there_or_no_picture_is_named(
    farm: Farm, path: str, more: dict[str, object], pointer: str
) -> None:
    design = await body_of(farm) if path == "designs" else {}
    refused = await post(farm, path, {"name": "x", **design, **more})
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


async def test_only_its_owner_and_whom_it_is_shared_with_know_a_design(farm: Farm) -> None:
    await a_chair(farm)
    nobody = {
        "designs/chair": await answer_of(farm, "designs/chair"),
        "designs/chair/versions": await answer_of(farm, "designs/chair/versions"),
        "designs/chair/versions/1": await answer_of(farm, "designs/chair/versions/1"),
    }
    for path, answer in nobody.items():
        other = await answer_of(farm, path.replace("chair", "nothing"))
        assert (answer["status"], answer["detail"]) == (404, other["detail"])
    assert (await seen(farm, "designs", Role.VIEWER))["items"] == []
    async with farm.client() as client:
        shared = await client.put("/api/v1/designs/chair/shares/viewer")
        assert shared.status_code == 204, shared.text
        assert (await client.get("/api/v1/designs/chair/shares")).json() == {"users": ["viewer"]}
        unknown = await client.put("/api/v1/designs/chair/shares/mallory")
        assert unknown.status_code == 404
    assert (await seen(farm, "designs/chair", Role.VIEWER))["design_id"] == "chair"
    async with farm.client() as client:
        assert (await client.delete("/api/v1/designs/chair/shares/viewer")).status_code == 204
        assert (await client.delete("/api/v1/designs/chair/shares/viewer")).status_code == 404
    assert (await answer_of(farm, "designs/chair"))["status"] == 404


async def answer_of(farm: Farm, path: str) -> dict[str, Any]:
    """Return what somebody of the same tenant is told."""
    async with farm.client(Role.VIEWER) as client:
        return dict((await client.get(f"/api/v1/{path}")).json())


async def test_who_may_use_a_design_renders_it_and_changes_nothing(farm: Farm) -> None:
    body = await body_of(farm, design_id="chair", name="Chair")
    assert (await post(farm, "designs", body, Role.ADMIN)).status_code == 201
    assert (await render(farm)).status_code == 404
    assert (await post(farm, "designs/chair/versions", await body_of(farm))).status_code == 404
    async with farm.client(Role.ADMIN) as client:
        assert (await client.put("/api/v1/designs/chair/shares/*")).status_code == 204
        assert (await client.get("/api/v1/designs/chair/shares")).json() == {"users": ["*"]}
    assert (await render(farm)).status_code == 201
    refused = await post(farm, "designs/chair/versions", await body_of(farm))
    assert refused.status_code == 403
    async with farm.client() as client:
        assert (await client.delete("/api/v1/designs/chair")).status_code == 403
        assert (await client.put("/api/v1/designs/chair/shares/viewer")).status_code == 403


async def test_somebody_elses_material_is_none(farm: Farm) -> None:
    assert (
        await post(farm, "materials", {"material_id": "oak", "name": "Oak"}, Role.ADMIN)
    ).is_success
    body = await body_of(farm, name="Chair", materials={"*": "oak"})
    assert (await post(farm, "designs", body)).status_code == 422
    async with farm.client(Role.ADMIN) as client:
        assert (await client.put("/api/v1/materials/oak/shares/artist")).status_code == 204
    assert (await post(farm, "designs", body)).status_code == 201


async def test_a_turntable_is_a_job_of_many_frames(farm: Farm) -> None:
    await a_chair(farm)
    job_id = (await render(farm, turntable=24, ground=True, lights="studio")).json()["jobId"]
    (row,) = await farm.rows(JOBS)
    assert row.frame_count == 24
    values = (await script(farm, job_id))["render"]
    assert (values["frames"], values["ground"], values["lights"]) == (24, True, "studio")


async def test_a_picture_of_each_version_is_asked_of_the_farm(farm: Farm) -> None:
    await a_chair(farm, thumbnail=True)
    (row,) = await farm.rows(JOBS)
    shown = await seen(farm, "designs/chair")
    assert (shown["thumbnail_job"], shown["thumbnail_url"], row.pool) == (row.id, None, "default")
    assert (await script(farm, row.id))["camera"] is None
    key = f"tenants/{farm.one.id}/jobs/{row.id}/attempts/a/0001.png"
    await farm.insert(RESULTS, a_result(farm, row.id, key))
    shown = await seen(farm, "designs/chair")
    assert key in shown["thumbnail_url"]
    again = await post(farm, "designs/chair/versions/1/thumbnail", None)
    assert again.status_code == 202
    assert (await seen(farm, "designs/chair"))["thumbnail_job"] == again.json()["job_id"]


def a_result(farm: Farm, job_id: str, key: str) -> dict[str, Any]:
    return {
        "step_id": "step",
        "ordinal": 0,
        "tenant_id": farm.one.id,
        "job_id": job_id,
        "attempt_id": "a",
        "node_id": farm.one.node_id,
        "frame": 1,
        "object_key": key,
        "blake3": "ab" * 32,
        "size": 3,
        "width": 256,
        "height": 256,
        "media_type": "image/png",
        "seconds": 1.0,
        "created_at": farm.clock.now(),
    }


async def answered(farm: Farm, **more: object) -> None:
    """Let the analyzer answer the one request there is."""
    (request,) = await farm.rows(ANALYSIS_REQUESTS)
    row = {
        "id": request.id,
        "tenant_id": request.tenant_id,
        "content_key": request.content_key,
        "outcome": None,
        "error": None,
        "finished_at": farm.clock.now(),
        **more,
    }
    async with farm.parts.database.transaction() as connection:
        await connection.execute(insert(ANALYSES).values(**row))


KNOWN = {
    "scene_info": {
        "format": "gltf",
        "triangles": 12,
        "bounds": {"min": [0, 0, 0], "max": [1, 2, 1]},
        "materials": ["Seat"],
        "cameras": [],
    },
    "missing": [],
}


async def test_what_the_analyzer_finds_is_shown(farm: Farm) -> None:
    await a_chair(farm)
    shown = await seen(farm, "designs/chair")
    assert (shown["state"], shown["metadata"]["unknown"][0]) == ("PENDING", "bounds")
    await answered(farm, state="SUCCEEDED", outcome=KNOWN)
    shown = await seen(farm, "designs/chair")
    assert shown["state"] == "READY"
    assert shown["metadata"]["triangles"] == 12
    assert shown["metadata"]["bounds"]["max"] == [1, 2, 1]
    assert shown["metadata"]["unknown"] == []


async def test_a_model_that_the_analyzer_refuses_is_refused(farm: Farm) -> None:
    await a_chair(farm)
    await answered(farm, state="FAILED", error="chair.glb is no GLB: it is too short")
    shown = await seen(farm, "designs/chair")
    assert (shown["state"], shown["error"]) == ("REFUSED", "chair.glb is no GLB: it is too short")
    refused = await render(farm)
    assert (refused.status_code, refused.json()["code"]) == (422, "model-refused")
    assert "too short" in refused.json()["detail"]
    assert await farm.count(JOBS) == 0


async def test_missing_textures_and_unknown_slots_are_told_before_a_design_is_kept(
    farm: Farm,
) -> None:
    await an_oak(farm)
    await a_chair(farm)
    lacking = {**KNOWN, "missing": [{"file1": "wood.png"}], "used_by": {"wood.png": ["images[0]"]}}
    await answered(farm, state="SUCCEEDED", outcome=lacking)
    body = await body_of(farm, name="Again")
    refused = await post(farm, "designs", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "files-missing")
    assert "wood.png" in refused.json()["errors"][0]["detail"]
    slot = {**body, "allow_missing": True, "materials": {"Leg": "oak"}}
    unknown = await post(farm, "designs", slot)
    assert unknown.json()["errors"][0]["pointer"] == "#/materials/Leg"
    assert "Seat" in unknown.json()["detail"]
    assert (await post(farm, "designs", {**body, "allow_missing": True})).status_code == 201


async def test_a_script_is_kept_when_its_bundle_is_long_gone(farm: Farm) -> None:
    await a_chair(farm)
    job_id = (await render(farm)).json()["jobId"]
    farm.clock.pass_time(1)
    again = (await render(farm)).json()["jobId"]
    kept = [found.key async for found in farm.store.listed(f"tenants/{farm.one.id}/scripts/")]
    assert (again, len(kept)) == (job_id, 1)
    scripts: WriteScript = farm.assembly.app.state.collaborators.scripts
    assert b"chair.glb" in (await scripts.of(farm.one.id, job_id) or b"")
    assert await scripts.of(farm.two.id, job_id) is None

"""contract.md, "Scenes and files" (seed 004)."""

import hashlib

import xxhash
from services.api.tests.conftest import Farm

from lightmill.storage.sql.schema.analyzer import ANALYSES
from lightmill.storage.sql.schema.api import ANALYSIS_REQUESTS, ASSETS, JOBS, OUTBOX, UPLOADS

OUTCOME = {
    "scene_info": {"renderer": "arnold", "start": 1, "end": 100, "width": 1920, "height": 1080},
    "asset": ["C:/textures/wood.jpg"],
    "missing": [{"file1": "C:/missing.jpg"}],
}


async def test_an_upload_answers_with_md5_and_a_decimal_xxh64(farm: Farm) -> None:
    content = b"wood"
    async with farm.client() as client:
        answer = await client.post("/api/files/upload", files={"file": ("wood.jpg", content)})
        again = await client.post("/api/files/upload", files={"file": ("wood.jpg", content)})
    first, second = answer.json(), again.json()
    assert first["uploaded"] is True
    assert first["hash"] == hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert first["xxhash"] == str(xxhash.xxh64(content).intdigest())
    assert isinstance(first["asset_id"], int)
    assert (second["uploaded"], second["reason"]) == (False, "file_exists")
    assert (second["hash"], second["asset_id"]) == (first["hash"], first["asset_id"])
    assert await farm.count(UPLOADS) == 2


async def test_hashes_are_sorted_into_what_is_there_and_what_is_not(farm: Farm) -> None:
    await farm.upload(b"there", "there.jpg")
    there = hashlib.md5(b"there", usedforsecurity=False).hexdigest()
    hashes = ["abc123", there, "6e57efc1fb88700dfc4820e160348f07"]
    async with farm.client() as client:
        body = (await client.post("/api/files/check_hashes", json={"hashes": hashes})).json()
    assert body["to_upload"] == ["abc123", "6e57efc1fb88700dfc4820e160348f07"]
    assert body["exists"] == [there]


async def test_a_scene_is_looked_into_by_a_queued_task(farm: Farm) -> None:
    asset = await farm.upload(b"wolf", "C:/Project/wolf.ma")
    async with farm.client() as client:
        waiting = await client.post(
            "/api/scene/analyse", json={"scene_file": "C:/Project/wolf.ma"}
        )
        assert waiting.status_code == 202
        where = waiting.headers["location"]
        assert (await client.get(where)).json()["state"] == "PENDING"
        again = await client.post("/api/scene/analyse", json={"scene_file": asset})
        assert again.headers["location"] == where
        kinds = [row.kind for row in await farm.rows(OUTBOX)]
        assert kinds == ["scene.analyse.v1"] * 2
        await _answered(farm)
        assert (await client.get(where)).json()["outcome"] == OUTCOME
        for scene_file in ("C:/Project/wolf.ma", asset, str(asset)):
            done = await client.post("/api/scene/analyse", json={"scene_file": scene_file})
            assert (done.status_code, done.json()) == (200, OUTCOME)
    assert await farm.count(ANALYSIS_REQUESTS) == 1


async def _answered(farm: Farm, **more: object) -> None:
    (request,) = await farm.rows(ANALYSIS_REQUESTS)
    row = {
        "id": request.id,
        "tenant_id": request.tenant_id,
        "content_key": request.content_key,
        "state": "SUCCEEDED",
        "outcome": {**OUTCOME, **more},
        "finished_at": farm.clock.now(),
    }
    await farm.insert(ANALYSES, row)


async def test_a_scene_that_is_known_to_miss_files_is_refused_unless_overruled(farm: Farm) -> None:
    asset = await farm.upload(b"wolf", "wolf.blend")
    task = {"scene_file": asset, "renderer": "blender", "frames": "1-2"}
    files = [{"path": "wolf.blend", "asset_id": asset}]
    job = {"name": "a", "engine": "blender", "scene": "wolf.blend", "files": files, "frames": "1"}
    async with farm.client() as client:
        await client.post("/api/scene/analyse", json={"scene_file": asset})
        await _answered(farm)
        for path, body, field in (
            ("/api/tasks/", task, "#/scene_file"),
            ("/api/v1/jobs", job, "#/scene"),
        ):
            refused = await client.post(path, json=body)
            assert (refused.status_code, refused.json()["code"]) == (422, "files-missing")
            assert refused.json()["errors"] == [{"pointer": field, "detail": "C:/missing.jpg"}]
            assert await farm.count(JOBS) == 0
        for path, body in (("/api/tasks/", task), ("/api/v1/jobs", job)):
            taken = await client.post(path, json={**body, "allow_missing": True})
            assert taken.status_code == 201, taken.text
    assert await farm.count(JOBS) == 2


async def test_a_refusal_tells_who_uses_a_missing_file_and_what_may_be_meant(farm: Farm) -> None:
    asset = await farm.upload(b"wolf", "wolf.blend")
    users = [f"wolf.blend: {name}" for name in ("fur", "paw", "eye", "tail")]
    hint = "the bundle has tex/missing.png: is that what is meant?"
    async with farm.client() as client:
        await client.post("/api/scene/analyse", json={"scene_file": asset})
        told = {"used_by": {"C:/missing.jpg": users}, "hints": {"C:/missing.jpg": hint}}
        await _answered(farm, **told)
        task = {"scene_file": asset, "renderer": "blender", "frames": "1"}
        refused = await client.post("/api/tasks/", json=task)
    (error,) = refused.json()["errors"]
    named = "wolf.blend: fur, wolf.blend: paw, wolf.blend: eye and 1 more"
    assert error["detail"] == f"C:/missing.jpg; used by {named}; {hint}"


async def test_an_analysis_is_taken_up_again_while_what_it_read_is_the_same(farm: Farm) -> None:
    scene, other = await farm.upload(b"wolf", "a"), await farm.upload(b"wolf 2", "b")
    fur, painted = await farm.upload(b"fur", "c"), await farm.upload(b"painted over", "d")

    async def asked(scene: int, texture: int, path: str = "fur.png") -> str:
        files = [{"path": "wolf.blend", "asset_id": scene}, {"path": path, "asset_id": texture}]
        made = await client.post("/api/v1/bundles", json={"files": files})
        body = {"scene_file": "wolf.blend", "bundle": made.json()["bundle_id"]}
        return str((await client.post("/api/scene/analyse", json=body)).headers["location"])

    async with farm.client() as client:
        first = await asked(scene, fur)
        assert await asked(scene, painted) == first
        assert await asked(scene, fur, "fur2.png") != first
        assert await asked(other, fur) != first


async def test_a_scene_may_be_named_by_its_key_in_the_bucket(farm: Farm) -> None:
    await farm.upload(b"wolf", "wolf.ma")
    async with farm.client() as client:
        (row,) = await farm.rows(ASSETS)
        for key in (f"s3://{row.object_key}", f"oss://bucket/{row.object_key}"):
            answer = await client.post("/api/scene/analyse", json={"scene_file": key})
            assert answer.status_code == 202
    async with farm.client(tenant=farm.two) as client:
        foreign = await client.post(
            "/api/scene/analyse", json={"scene_file": f"s3://{row.object_key}"}
        )
    assert foreign.status_code == 422


async def test_any_other_scene_is_422(farm: Farm) -> None:
    async with farm.client() as client:
        for scene_file in ("C:/Project/none.ma", "/etc/passwd", "https://a/b.ma", "999", -1):
            answer = await client.post("/api/scene/analyse", json={"scene_file": scene_file})
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["pointer"] == "#/scene_file"


async def test_hardware_profiles_are_made_changed_and_removed(farm: Farm) -> None:
    path = "/api/v1/hardware-configs"
    body = {"name": "a", "cores": 8, "ram": 2**36, "gpu_count": 1, "gpu_model": "RTX 4090"}
    body |= {"vram": 24 * 2**30, "price": 1.5}
    async with farm.client() as client:
        made = await client.post(path, json=body)
        assert made.status_code == 201
        one = made.headers["location"]
        assert body.items() <= made.json().items()
        assert made.json()["free_nodes"] == 0
        assert (await client.post(path, json=body)).status_code == 409
        changed = await client.patch(one, json={"price": 2})
        assert (changed.json()["price"], changed.json()["name"]) == (2, "a")
        assert (await client.patch(one, json={"price": None})).status_code == 422
        assert len((await client.get(path)).json()["items"]) == 1
        assert (await client.delete(one)).status_code == 204
        assert (await client.get(one)).status_code == 404

import hashlib
from typing import Any

import blake3
import xxhash
from services.api.tests.conftest import Farm
from services.api.tests.http.test_jobs import state_row

from lightmill.storage.sql.schema.api import ASSETS, UPLOADS
from lightmill.storage.sql.schema.scheduler import JOB_STATES

OPEN_END = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx'


async def test_an_upload_is_hashed_and_kept_under_a_name_that_tells_nothing(farm: Farm) -> None:
    content = bytes(range(256)) * 12_000  # more than one buffer
    async with farm.client() as client:
        answer = await client.post(
            "/api/files/upload",
            files={"file": ("wood.jpg", content)},
            data={"path": "C:\\tex\\wood.jpg"},
        )
    body = answer.json()
    assert body["uploaded"] is True
    assert body["hash"] == hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert body["xxhash"] == str(xxhash.xxh64(content).intdigest())
    assert body["blake3"] == blake3.blake3(content).hexdigest()
    assert isinstance(body["asset_id"], int)
    (row,) = await farm.rows(ASSETS)
    assert row.object_key.startswith(f"tenants/{farm.one.id}/assets/")
    assert body["blake3"] not in row.object_key
    assert await farm.store.get(row.object_key) == content
    assert (row.name, row.path) == ("wood.jpg", "C:\\tex\\wood.jpg")


async def test_the_same_content_is_kept_once_and_both_uploads_are_remembered(farm: Farm) -> None:
    first = await farm.upload(b"same", "a.png")
    async with farm.client() as client:
        answer = await client.post("/api/files/upload", files={"file": ("b.png", b"same")})
        uploads = (await client.get("/api/v1/files/uploads")).json()["items"]
    assert answer.json() == {**answer.json(), "uploaded": False, "reason": "file_exists"}
    assert answer.json()["asset_id"] == first
    assert [(line["path"], line["uploaded"]) for line in uploads] == [
        ("b.png", False),
        ("a.png", True),
    ]
    assert await farm.count(ASSETS) == 1


async def test_content_that_the_store_has_lost_is_asked_for_and_stored_again(farm: Farm) -> None:
    await farm.upload(b"lost", "a.png")
    (row,) = await farm.rows(ASSETS)
    md5 = hashlib.md5(b"lost", usedforsecurity=False).hexdigest()
    async with farm.client() as client:
        assert (await client.post("/api/files/check_hashes", json={"hashes": [md5]})).json()[
            "exists"
        ] == [md5]
        await farm.store.delete([row.object_key])
        checked = (await client.post("/api/files/check_hashes", json={"hashes": [md5]})).json()
        assert checked["to_upload"] == [md5]
        again = await client.post("/api/files/upload", files={"file": ("a.png", b"lost")})
    assert again.json()["uploaded"] is True
    assert again.json()["asset_id"] == row.id
    (found,) = await farm.rows(ASSETS)
    assert await farm.store.get(found.object_key) == b"lost"
    assert found.object_key != row.object_key, "whoever deletes the old name meets no new content"


async def test_content_that_does_not_match_its_hash_is_refused(farm: Farm) -> None:
    async with farm.client() as client:
        answer = await client.post(
            "/api/files/upload", files={"file": ("a", b"content")}, data={"hash": "0" * 32}
        )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/hash"
    assert await farm.count(ASSETS) == await farm.count(UPLOADS) == 0


async def test_forms_that_are_none_are_refused(farm: Farm) -> None:
    cases: list[tuple[dict[str, Any], int]] = [
        ({"json": {"file": "x"}}, 415),
        ({"files": {"other": ("a", b"b")}}, 422),
        ({"files": {"file": ("a", b"x" * (11 * 2**20))}}, 413),
        (
            {
                "content": OPEN_END,
                "headers": {"Content-Type": "multipart/form-data; boundary=b"},
            },
            400,
        ),
    ]
    async with farm.client() as client:
        for more, status in cases:
            answer = await client.post("/api/files/upload", **more)
            assert answer.status_code == status, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
    assert await farm.count(ASSETS) == 0


async def test_a_file_comes_back_as_it_was_and_never_as_a_page(farm: Farm) -> None:
    asset = await farm.upload(b"<script>", "evil.html")
    async with farm.client() as client:
        answer = await client.get(f"/api/v1/files/{asset}/content")
    assert answer.content == b"<script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")


async def test_a_file_of_a_live_job_is_not_deleted(farm: Farm) -> None:
    job = await farm.job()
    (row,) = await farm.rows(ASSETS)
    async with farm.client() as client:
        refused = await client.delete(f"/api/v1/files/{row.id}")
        assert (refused.status_code, refused.json()["code"]) == (409, "file-in-use")
        await farm.insert(JOB_STATES, state_row(farm, job, state="COMPLETED"))
        assert (await client.delete(f"/api/v1/files/{row.id}")).status_code == 204
        assert (await client.delete(f"/api/v1/files/{row.id}")).status_code == 404
    assert await farm.store.info(row.object_key) is None


async def test_a_file_of_a_design_is_not_deleted(farm: Farm) -> None:
    asset = await farm.upload(b"model", "chair.glb")
    body = {
        "name": "Chair",
        "model": "chair.glb",
        "files": [{"path": "chair.glb", "asset_id": asset}],
    }
    async with farm.client() as client:
        assert (await client.post("/api/v1/designs", json=body)).status_code == 201
        refused = await client.delete(f"/api/v1/files/{asset}")
    assert refused.status_code == 409
    assert "design" in refused.json()["detail"]


async def test_bundles_refuse_paths_that_lead_out_or_collide(farm: Farm) -> None:
    asset = await farm.upload()
    bad = [
        ["../a"],
        ["/etc/passwd"],
        ["C:/a"],
        ["a\\b"],
        ["a//b"],
        ["con.txt"],
        ["A.png", "a.PNG"],
        ["a", "a/b"],
        ["a."],
    ]
    async with farm.client() as client:
        for paths in bad:
            files = [{"path": path, "asset_id": asset} for path in paths]
            answer = await client.post("/api/v1/bundles", json={"files": files})
            assert answer.status_code == 422, paths
            assert answer.json()["errors"][0]["pointer"].startswith("#/files/")
        unknown = await client.post(
            "/api/v1/bundles", json={"files": [{"path": "a", "asset_id": 999_999}]}
        )
    assert unknown.json()["code"] == "files-missing"

"""Uploads in parts: begun, gone on with, looked through, refused."""

import hashlib
from collections.abc import Iterable
from typing import Any

import blake3
import httpx2
import pytest
import xxhash
from services.api.tests.conftest import Farm, Tenant

from lightmill.api.config import ApiSettings
from lightmill.storage.sql.schema.api import ASSETS, MULTIPART_UPLOADS, UPLOADS

MIB = 2**20
PART = 16 * MIB
CONTENT = bytes(range(256)) * 70_000  # two parts


@pytest.fixture
def settings() -> ApiSettings:
    return ApiSettings(port=0, most_upload_bytes=40 * MIB, upload_check_seconds=30)


def announced(content: bytes, path: str = "tex/large.exr") -> dict[str, object]:
    return {"blake3": blake3.blake3(content).hexdigest(), "size": len(content), "path": path}


async def begin(client: httpx2.AsyncClient, content: bytes) -> dict[str, Any]:
    answer = await client.post("/api/v1/uploads", json=announced(content))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def send(
    client: httpx2.AsyncClient, upload: dict[str, Any], content: bytes, numbers: Iterable[int]
) -> None:
    path = f"/api/v1/uploads/{upload['upload_id']}/part-urls"
    urls = (await client.post(path, json={"numbers": list(numbers)})).json()["urls"]
    async with httpx2.AsyncClient(transport=client._transport) as store:  # noqa: SLF001  # without the token
        for number, url in urls.items():
            start = (int(number) - 1) * PART
            answer = await store.put(url, content=content[start : start + PART])
            assert answer.status_code == 200, answer.text


async def complete(client: httpx2.AsyncClient, upload: dict[str, Any]) -> httpx2.Response:
    return await client.post(f"/api/v1/uploads/{upload['upload_id']}/complete")


async def test_a_file_in_parts_becomes_one_with_all_three_hashes(farm: Farm) -> None:
    async with farm.client() as client:
        upload = await begin(client, CONTENT)
        assert (upload["state"], upload["lacking"]) == ("open", [1, 2])
        assert upload["part_size"] == PART
        await send(client, upload, CONTENT, [2, 1])
        answer = await complete(client, upload)
        assert answer.status_code == 200, answer.text
        again = await complete(client, upload)
        seen = (await client.get(f"/api/v1/uploads/{upload['upload_id']}")).json()
    (row,) = await farm.rows(ASSETS)
    assert answer.json() == {
        "uploaded": True,
        "hash": hashlib.md5(CONTENT, usedforsecurity=False).hexdigest(),
        "xxhash": str(xxhash.xxh64(CONTENT).intdigest()),
        "blake3": blake3.blake3(CONTENT).hexdigest(),
        "asset_id": row.id,
        "size": len(CONTENT),
    }
    assert again.json() == answer.json(), "an answer that was lost can be asked for again"
    assert (seen["state"], seen["file"]) == ("complete", answer.json())
    assert await farm.store.get(row.object_key) == CONTENT
    assert row.object_key.startswith(f"tenants/{farm.one.id}/assets/")
    assert row.path == "tex/large.exr"
    (line,) = await farm.rows(UPLOADS)
    assert (line.asset_id, line.uploaded) == (row.id, True)


async def test_an_upload_goes_on_where_it_stopped_whoever_asks(farm: Farm) -> None:
    async with farm.client() as client:
        upload = await begin(client, CONTENT)
        await send(client, upload, CONTENT, [1])
        unfinished = await complete(client, upload)
        assert (unfinished.status_code, unfinished.json()["code"]) == (409, "parts-missing")
        assert unfinished.json()["errors"] == [{"pointer": "#/parts", "detail": "part 2"}]
    async with farm.client() as other_machine:
        resumed = await begin(other_machine, CONTENT)
        assert resumed["upload_id"] == upload["upload_id"]
        assert resumed["lacking"] == [2]
        await send(other_machine, resumed, CONTENT, [2])
        assert (await complete(other_machine, resumed)).json()["uploaded"] is True


async def test_a_flipped_byte_is_found_and_nothing_of_it_kept(farm: Farm) -> None:
    flipped = CONTENT[:1000] + bytes([CONTENT[1000] ^ 1]) + CONTENT[1001:]
    async with farm.client() as client:
        upload = await begin(client, CONTENT)
        await send(client, upload, flipped, [1, 2])
        refused = await complete(client, upload)
        assert (refused.status_code, refused.json()["code"]) == (422, "content-mismatch")
        assert blake3.blake3(flipped).hexdigest() in refused.json()["detail"]
        assert (await complete(client, upload)).status_code == 404
        assert [key async for key in farm.store.keys("")] == []
        assert await farm.count(ASSETS) == 0
        fresh = await begin(client, CONTENT)
        assert fresh["lacking"] == [1, 2]
        await send(client, fresh, CONTENT, [1, 2])
        assert (await complete(client, fresh)).status_code == 200


async def test_a_byte_that_flips_in_the_store_is_found_and_asked_for_again(farm: Farm) -> None:
    asset = await farm.upload(b"wood", "wood.jpg")
    (row,) = await farm.rows(ASSETS)
    async with farm.client() as client:
        path = f"/api/v1/files/{asset}/verify"
        assert (await client.post(path)).json()["intact"] is True
        farm.store.path(row.object_key).write_bytes(b"wooD")
        found = (await client.post(path)).json()
        assert (found["intact"], found["fault"]) == (False, "damaged")
        assert (await client.post(path)).json()["fault"] == "lost"
        body = {"hashes": [row.md5]}
        checked = (await client.post("/api/files/check_hashes", json=body)).json()
        assert checked["to_upload"] == [row.md5]
        assert await farm.upload(b"wood", "wood.jpg") == asset
        assert (await client.post(path)).json()["intact"] is True


async def test_content_that_is_there_is_not_sent(farm: Farm) -> None:
    asset = await farm.upload(b"known", "a.png")
    async with farm.client() as client:
        told = await begin(client, b"known")
    assert (told["state"], told["lacking"]) == ("complete", [])
    assert told["file"]["asset_id"] == asset
    assert (told["file"]["uploaded"], told["file"]["reason"]) == (False, "file_exists")
    assert await farm.count(MULTIPART_UPLOADS) == 0


async def test_content_that_came_another_way_meanwhile_is_kept_once(farm: Farm) -> None:
    async with farm.client() as client:
        upload = await begin(client, b"twice")
        await send(client, upload, b"twice", [1])
        asset = await farm.upload(b"twice", "b.png")
        answer = (await complete(client, upload)).json()
    assert (answer["uploaded"], answer["asset_id"]) == (False, asset)
    assert len([key async for key in farm.store.keys("")]) == 1


async def test_parts_that_the_store_has_given_up_are_sent_anew(farm: Farm) -> None:
    async with farm.client() as client:
        upload = await begin(client, CONTENT)
        await send(client, upload, CONTENT, [1])
        (row,) = await farm.rows(MULTIPART_UPLOADS)
        await farm.store.drop_parts(row.object_key, row.store_id)
        ended = await complete(client, upload)
        assert (ended.status_code, ended.json()["code"]) == (409, "upload-ended")
        fresh = await begin(client, CONTENT)
        assert fresh["upload_id"] != upload["upload_id"]
        assert fresh["lacking"] == [1, 2]


async def test_an_upload_that_is_given_up_leaves_nothing(farm: Farm) -> None:
    async with farm.client() as client:
        upload = await begin(client, CONTENT)
        await send(client, upload, CONTENT, [1])
        (row,) = await farm.rows(MULTIPART_UPLOADS)
        path = f"/api/v1/uploads/{upload['upload_id']}"
        assert (await client.delete(path)).status_code == 204
        assert (await client.delete(path)).status_code == 404
        assert (await begin(client, CONTENT))["lacking"] == [1, 2]
    assert row.id != (await farm.rows(MULTIPART_UPLOADS))[0].id


async def test_a_file_that_is_too_large_is_refused_before_it_is_sent(farm: Farm) -> None:
    body = announced(b"x") | {"size": 40 * MIB + 1}
    async with farm.client() as client:
        answer = await client.post("/api/v1/uploads", json=body)
        assert answer.status_code == 413
        for wrong in ({"size": 0}, {"blake3": "AB" * 32}, {"blake3": ""}, {"path": ""}):
            answer = await client.post("/api/v1/uploads", json=announced(b"x") | wrong)
            assert answer.status_code == 422
        upload = await begin(client, CONTENT)
        path = f"/api/v1/uploads/{upload['upload_id']}/part-urls"
        assert (await client.post(path, json={"numbers": [3]})).status_code == 422


@pytest.mark.parametrize("known", [True, False])
async def test_no_answer_tells_of_another_tenants_content(farm: Farm, known: bool) -> None:  # noqa: FBT001  # a case
    if known:
        await farm.upload(b"secret", "a.png", farm.two)
    async with farm.client() as client:
        told = await begin(client, b"secret")
    assert (told["state"], told["lacking"]) == ("open", [1])


async def test_two_tenants_send_the_same_content_beside_each_other(farm: Farm) -> None:
    async def whole(tenant: Tenant) -> int:
        async with farm.client(tenant=tenant) as client:
            upload = await begin(client, b"same")
            await send(client, upload, b"same", [1])
            return int((await complete(client, upload)).json()["asset_id"])

    assert await whole(farm.one) != await whole(farm.two)
    rows = await farm.rows(ASSETS)
    assert len({row.object_key for row in rows}) == 2

"""Uploads in parts, held against both object stores."""

import asyncio
from datetime import timedelta

import pytest
from libs.common.tests.storage.objects.test_ports import fetch, names

from lightmill.runtime.clock import SystemClock
from lightmill.storage.objects.folder import FolderStore
from lightmill.storage.ports import ObjectNotFoundError, ObjectStore, StoreUnavailableError

KEY = "tenants/t1/assets/abc.1"
LONG = 5 * 2**20  # the least that S3 takes for a part that is not the last


async def send(store: ObjectStore, upload_id: str, number: int, content: bytes) -> int:
    url = store.sign_part(KEY, upload_id, number, seconds=60)
    status, _ = await fetch("PUT", url, content)
    return status


async def test_parts_in_any_order_become_one_object(store: ObjectStore) -> None:
    upload = await store.begin_parts(KEY, "image/x-exr")
    contents = [b"1" * LONG, b"2" * LONG, b"3"]
    for number in (3, 1, 2):
        assert await send(store, upload, number, contents[number - 1]) == 200
    assert await store.info(KEY) is None
    assert await names(store, "") == []
    parts = await store.parts(KEY, upload)
    assert [(part.number, part.size) for part in parts] == [(1, LONG), (2, LONG), (3, 1)]
    await store.join_parts(KEY, upload, parts)
    assert await store.get(KEY) == b"".join(contents)
    found = await store.info(KEY)
    assert found is not None
    assert found.media_type == "image/x-exr"


async def test_a_part_may_be_sent_again(store: ObjectStore) -> None:
    upload = await store.begin_parts(KEY, "text/plain")
    assert await send(store, upload, 1, b"broken") == 200
    assert await send(store, upload, 1, b"whole!!") == 200
    await store.join_parts(KEY, upload, await store.parts(KEY, upload))
    assert await store.get(KEY) == b"whole!!"


async def test_an_upload_that_was_joined_or_dropped_is_no_more(store: ObjectStore) -> None:
    joined, dropped = [await store.begin_parts(KEY, "text/plain") for _ in range(2)]
    for upload in (joined, dropped):
        await send(store, upload, 1, b"x")
    await store.join_parts(KEY, joined, await store.parts(KEY, joined))
    await store.drop_parts(KEY, dropped)
    await store.drop_parts(KEY, dropped)
    for upload in (joined, dropped):
        with pytest.raises(ObjectNotFoundError):
            await store.parts(KEY, upload)
        assert await send(store, upload, 1, b"late") == 404
    assert await store.get(KEY) == b"x"


async def test_two_uploads_under_one_name_do_not_mix(store: ObjectStore) -> None:
    one, two = [await store.begin_parts(KEY, "text/plain") for _ in range(2)]
    assert one != two
    await send(store, one, 1, b"one")
    assert await store.parts(KEY, two) == []
    with pytest.raises(ObjectNotFoundError):
        await store.parts("tenants/t2/assets/other", one)


async def test_a_url_is_for_one_part_alone(store: ObjectStore) -> None:
    upload = await store.begin_parts(KEY, "text/plain")
    url = store.sign_part(KEY, upload, 1, seconds=60)
    other = await store.begin_parts(KEY, "text/plain")
    for altered in (
        url.replace("partNumber=1", "partNumber=2"),
        url.replace(upload, other),
        url.replace("assets", "secret"),
    ):
        assert altered != url
        assert (await fetch("PUT", altered, b"evil"))[0] == 403
    assert await store.parts(KEY, upload) == await store.parts(KEY, other) == []


@pytest.mark.slow
async def test_more_parts_than_a_page_holds(store: ObjectStore) -> None:
    upload = await store.begin_parts(KEY, "text/plain")
    numbers = range(1, 1031)
    sent = await asyncio.gather(*(send(store, upload, n, b"%d" % n) for n in numbers))
    assert set(sent) == {200}
    parts = await store.parts(KEY, upload)
    assert [part.number for part in parts] == list(numbers)
    await store.drop_parts(KEY, upload)


async def test_objects_are_listed_with_size_and_age(store: ObjectStore) -> None:
    began = SystemClock().now() - timedelta(seconds=5)
    await store.put("a/one", b"1", "text/plain")
    await store.put("a/two", b"22", "text/plain")
    await store.put("b/three", b"333", "text/plain")
    listed = {found.key: found async for found in store.listed("a/")}
    assert {key: found.size for key, found in listed.items()} == {"a/one": 1, "a/two": 2}
    ended = SystemClock().now() + timedelta(seconds=5)
    assert all(began <= found.modified <= ended for found in listed.values())


async def test_what_a_dead_writer_left_is_tidied_and_nothing_else(
    folder_store: FolderStore,
) -> None:
    now = SystemClock().now()
    left = folder_store.path("x").parent.parent / "incoming" / "half"
    left.write_bytes(b"12345")
    await folder_store.put("whole", b"whole", "text/plain")
    upload = await folder_store.begin_parts(KEY, "text/plain")
    await send(folder_store, upload, 1, b"123")
    assert await folder_store.tidy(now - timedelta(hours=1)) == 0
    assert left.exists()
    assert await folder_store.tidy(now + timedelta(hours=1)) >= 8
    assert not left.exists()
    assert await names(folder_store, "") == ["whole"]
    with pytest.raises(ObjectNotFoundError):
        await folder_store.parts(KEY, upload)


async def test_a_part_replaced_while_it_is_joined_makes_no_object(
    folder_store: FolderStore,
) -> None:
    upload = await folder_store.begin_parts(KEY, "text/plain")
    await send(folder_store, upload, 1, b"first")
    listed = await folder_store.parts(KEY, upload)
    await send(folder_store, upload, 1, b"second")
    with pytest.raises(StoreUnavailableError, match="has just changed"):
        await folder_store.join_parts(KEY, upload, listed)
    assert await folder_store.info(KEY) is None

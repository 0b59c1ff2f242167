"""What the services rely on, held against both object stores."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
import urllib3

from lightmill.domain.storage_class import StorageClass
from lightmill.storage.ports import (
    ObjectInfo,
    ObjectNameError,
    ObjectNotFoundError,
    ObjectStore,
)

KEY = "tenants/t1/jobs/j1/attempts/a1/0001.png"


async def fetch(
    method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Do one plain HTTP request, as a render node does."""

    def request() -> tuple[int, bytes]:
        with urllib3.PoolManager(retries=False) as pool:
            answer = pool.request(method, url, body=body, headers=headers)
            return answer.status, answer.data

    return await asyncio.to_thread(request)


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def names(store: ObjectStore, prefix: str) -> list[str]:
    """Return what the store lists, sorted: no order is promised, and SeaweedFS has its own."""
    return sorted([key async for key in store.keys(prefix)])


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n", b"x" * 3_000_000])
async def test_what_is_put_is_got(store: ObjectStore, content: bytes) -> None:
    await store.put(KEY, content, "image/png")
    assert await store.get(KEY) == content
    assert b"".join([piece async for piece in store.stream(KEY)]) == content
    assert await store.info(KEY) == ObjectInfo(key=KEY, size=len(content), media_type="image/png")


async def test_a_file_goes_in_and_out(store: ObjectStore, tmp_path: Path) -> None:
    source, target = tmp_path / "in.bin", tmp_path / "out.bin"
    source.write_bytes(b"frame" * 100_000)
    await store.put_file(KEY, source, "image/x-exr")
    await store.get_file(KEY, target)
    assert target.read_bytes() == source.read_bytes()
    found = await store.info(KEY)
    assert found is not None
    assert found.media_type == "image/x-exr"
    assert "out.bin" in files(tmp_path)
    assert not any(name.endswith(".part") for name in files(tmp_path))


async def test_a_file_that_is_not_there_is_no_fault_of_the_store(
    store: ObjectStore, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        await store.put_file(KEY, tmp_path / "missing.png", "image/png")
    assert await store.info(KEY) is None


async def test_putting_again_replaces_content_and_type(store: ObjectStore) -> None:
    await store.put(KEY, b"old and longer", "text/plain")
    await store.put(KEY, b"new", "image/png")
    assert await store.get(KEY) == b"new"
    assert await store.info(KEY) == ObjectInfo(key=KEY, size=3, media_type="image/png")


async def test_what_is_not_there_is_told(store: ObjectStore, tmp_path: Path) -> None:
    await store.put(KEY, b"x", "image/png")
    for missing in ("tenants/t1/none.png", "tenants/t1/jobs", f"{KEY}/below"):
        with pytest.raises(ObjectNotFoundError):
            await store.get(missing)
        with pytest.raises(ObjectNotFoundError):
            await store.get_file(missing, tmp_path / "out.bin")
        with pytest.raises(ObjectNotFoundError):
            [piece async for piece in store.stream(missing)]
        assert await store.info(missing) is None
    assert not any("out.bin" in name for name in files(tmp_path))


async def test_deleting_deletes_only_what_is_named(store: ObjectStore) -> None:
    for name in ("a/1", "a/2", "a/b/3"):
        await store.put(name, b"x", "text/plain")
    await store.delete(["a/1", "a/b/3", "never/there"])
    assert await names(store, "a/") == ["a/2"]
    await store.delete(["a/1"])
    await store.delete([])
    await store.put("a/b/3", b"again", "text/plain")
    assert await store.get("a/b/3") == b"again"


async def test_names_under_a_prefix(store: ObjectStore) -> None:
    for name in ("t1/a.png", "t1/b/c.png", "t10/d.png", "t2/e.png", "t1-x.png"):
        await store.put(name, b"x", "image/png")
    assert await names(store, "t1/") == ["t1/a.png", "t1/b/c.png"]
    assert await names(store, "t1") == ["t1-x.png", "t1/a.png", "t1/b/c.png", "t10/d.png"]
    assert await names(store, "t1/b") == ["t1/b/c.png"]
    assert await names(store, "t3/") == []
    assert await names(store, "../") == []
    assert len(await names(store, "")) == 5


@pytest.mark.slow
async def test_more_names_than_a_page_holds(store: ObjectStore) -> None:
    wanted = [f"many/{number:05d}" for number in range(1050)]
    await asyncio.gather(*(store.put(name, b"", "text/plain") for name in wanted))
    assert await names(store, "many/") == wanted
    await store.delete(wanted)
    assert await names(store, "many/") == []


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "a/../b", "..", "a//b", "a/./b", "a/", "a\\b", "a\0b", "a\nb"]
)
async def test_a_name_that_leads_elsewhere_is_refused(
    store: ObjectStore, name: str, tmp_path: Path
) -> None:
    with pytest.raises(ObjectNameError):
        await store.put(name, b"x", "text/plain")
    with pytest.raises(ObjectNameError):
        await store.put_file(name, Path(__file__), "text/plain")
    with pytest.raises(ObjectNameError):
        await store.get(name)
    with pytest.raises(ObjectNameError):
        await store.get_file(name, tmp_path / "out.bin")
    with pytest.raises(ObjectNameError):
        await store.info(name)
    with pytest.raises(ObjectNameError):
        await store.delete([name])
    with pytest.raises(ObjectNameError):
        store.sign_get(name, seconds=60)
    with pytest.raises(ObjectNameError):
        store.sign_put(name, seconds=60)


@pytest.mark.parametrize("name", ["a b/c+d%20.png", "szene/бюро/場景.blend", "a/~!$&'()=@:;,.png"])
async def test_any_other_name_is_kept(store: ObjectStore, name: str) -> None:
    await store.put(name, b"content", "text/plain")
    assert await names(store, "") == [name]
    assert await fetch("GET", store.sign_get(name, seconds=60)) == (200, b"content")


async def test_a_signed_url_stores_and_reads(store: ObjectStore) -> None:
    content = b"pixels" * 1000
    status, _ = await fetch("PUT", store.sign_put(KEY, seconds=60).url, content)
    assert status == 200
    assert await store.get(KEY) == content
    for public in (False, True):
        url = store.sign_get(KEY, seconds=60, public=public)
        assert await fetch("GET", url) == (200, content)


async def test_an_object_may_be_signed_for_any_class(store: ObjectStore) -> None:
    put = store.sign_put(KEY, seconds=60, storage_class=StorageClass.STANDARD_IA)
    assert (await fetch("PUT", put.url, b"pixels", put.headers))[0] == 200
    assert await store.get(KEY) == b"pixels"


async def test_a_trial_of_a_class_leaves_nothing(store: ObjectStore) -> None:
    for storage_class in StorageClass:
        await store.offers(storage_class)
    assert await names(store, "") == []


async def test_an_altered_url_is_refused(store: ObjectStore) -> None:
    await store.put(KEY, b"mine", "image/png")
    await store.put("tenants/t2/secret.png", b"theirs", "image/png")
    url = store.sign_get(KEY, seconds=60)
    other = url.replace(quote(KEY), "tenants/t2/secret.png")
    later = url.replace("Expires=60", "Expires=6000").replace("expires=", "expires=9")
    forged = url[:-1] + ("0" if url[-1] != "0" else "1")
    assert len({url, other, later, forged}) == 4
    for altered in (other, later, forged):
        status, content = await fetch("GET", altered)
        assert (status, b"mine" in content, b"theirs" in content) == (403, False, False)
    status, _ = await fetch("PUT", url, b"overwritten")
    assert status == 403
    assert await store.get(KEY) == b"mine"


@pytest.mark.slow
async def test_a_url_expires(store: ObjectStore) -> None:
    await store.put(KEY, b"mine", "image/png")
    url = store.sign_get(KEY, seconds=8)
    assert (await fetch("GET", url))[0] == 200
    async with asyncio.timeout(30):
        while (await fetch("GET", url))[0] != 403:
            continue

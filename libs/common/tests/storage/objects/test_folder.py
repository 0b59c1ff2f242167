"""What only the folder has: signatures to verify, streams to take in, files to keep whole."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from lightmill.domain.storage_class import StorageClass
from lightmill.storage.objects.folder import FolderStore
from lightmill.storage.ports import ObjectNotFoundError, StoreUnavailableError


class SetClock:
    """A clock that stands where the test sets it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def folder(tmp_path: Path, clock: SetClock) -> FolderStore:
    return FolderStore(tmp_path / "objects", "http://farm:8000/", b"secret", clock)


def signed(url: str) -> tuple[int, str]:
    query = parse_qs(urlsplit(url).query)
    return int(query["expires"][0]), query["signature"][0]


def test_a_url_names_the_object_under_the_base(folder: FolderStore) -> None:
    url = folder.sign_get("a/b c.png", seconds=60)
    assert url.startswith("http://farm:8000/objects/a/b%20c.png?expires=1795348860&signature=")


def test_a_signature_holds_until_it_expires(folder: FolderStore, clock: SetClock) -> None:
    expires, signature = signed(folder.sign_get("a/b.png", seconds=60))
    assert folder.verify("GET", "a/b.png", expires, signature)
    clock.moment += timedelta(seconds=59)
    assert folder.verify("GET", "a/b.png", expires, signature)
    clock.moment += timedelta(seconds=1)
    assert not folder.verify("GET", "a/b.png", expires, signature)


def test_a_signature_is_for_one_method_key_and_time(folder: FolderStore) -> None:
    expires, signature = signed(folder.sign_get("a/b.png", seconds=60))
    assert folder.verify("HEAD", "a/b.png", expires, signature)
    assert not folder.verify("PUT", "a/b.png", expires, signature)
    assert not folder.verify("DELETE", "a/b.png", expires, signature)
    assert not folder.verify("GET", "a/c.png", expires, signature)
    assert not folder.verify("GET", "a/b.png", expires + 1, signature)
    assert not folder.verify("GET", "a/b.png", expires, "ä" + signature[1:])
    assert not folder.verify("GET", "a/b.png", expires, "")


def test_a_signature_to_put_does_not_read(folder: FolderStore) -> None:
    expires, signature = signed(folder.sign_put("a/b.png", seconds=60).url)
    assert folder.verify("PUT", "a/b.png", expires, signature)
    assert not folder.verify("GET", "a/b.png", expires, signature)
    assert not folder.verify("HEAD", "a/b.png", expires, signature)


def test_another_secret_signs_otherwise(
    folder: FolderStore, tmp_path: Path, clock: SetClock
) -> None:
    other = FolderStore(tmp_path / "objects", "http://farm:8000", b"other", clock)
    expires, signature = signed(other.sign_get("a/b.png", seconds=60))
    assert not folder.verify("GET", "a/b.png", expires, signature)


async def test_a_folder_has_no_storage_classes(folder: FolderStore) -> None:
    assert [name for name in StorageClass if await folder.offers(name)] == []


async def test_a_stream_is_stored_whole(folder: FolderStore) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(3):
            yield b"%d" % number * 1000

    assert await folder.put_stream("a/b.png", pieces(), "image/png") == 3000
    assert await folder.get("a/b.png") == b"0" * 1000 + b"1" * 1000 + b"2" * 1000


async def test_a_stream_that_breaks_off_leaves_what_was_there(
    folder: FolderStore, tmp_path: Path
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionError("the client went away")

    with pytest.raises(ConnectionError):
        await folder.put_stream("new.png", pieces(), "image/png")
    with pytest.raises(ObjectNotFoundError):
        await folder.get("new.png")
    await folder.put("old.png", b"whole", "image/png")
    with pytest.raises(ConnectionError):
        await folder.put_stream("old.png", pieces(), "image/png")
    assert await folder.get("old.png") == b"whole"
    assert left_over(tmp_path) == []


def left_over(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "objects" / "incoming").iterdir())


async def test_a_reader_never_sees_half_of_a_replacement(folder: FolderStore) -> None:
    await folder.put("a.png", b"0" * 500_000, "image/png")

    seen: list[bytes] = []

    async def write() -> None:
        for number in itertools.count(1):
            await folder.put("a.png", b"%d" % (number % 10) * 500_000, "image/png")
            if number >= 30 and len(set(seen)) > 1:
                return

    writing = asyncio.create_task(write())
    while not writing.done():
        content = await folder.get("a.png")
        assert content == content[:1] * 500_000
        seen.append(content[:1])
    await writing


async def test_deleting_and_storing_side_by_side_in_one_folder(folder: FolderStore) -> None:
    async def come_and_go(name: str) -> None:
        for _ in range(40):
            await folder.put(name, b"x", "text/plain")
            await folder.delete([name])

    await asyncio.gather(*(come_and_go(f"deep/er/{number}") for number in range(4)))
    assert [key async for key in folder.keys("")] == []
    assert not folder.path("deep").exists()


async def test_a_listing_bears_that_others_come_and_go_meanwhile(folder: FolderStore) -> None:
    listed = False

    async def come_and_go(name: str) -> None:
        while not listed:
            await folder.put(name, b"x", "text/plain")
            await folder.delete([name])

    await folder.put("deep/stays", b"x", "text/plain")
    others = [asyncio.create_task(come_and_go(f"deep/{number}/er")) for number in range(6)]
    for _ in range(200):
        assert "deep/stays" in [key async for key in folder.keys("")]
    listed = True
    await asyncio.gather(*others)


async def test_a_store_that_cannot_write_says_so(folder: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "objects" / "incoming").rmdir()
    with pytest.raises(StoreUnavailableError, match=r"a\.png cannot be stored"):
        await folder.put("a.png", b"x", "image/png")


async def test_an_object_cannot_also_be_a_folder(folder: FolderStore) -> None:
    await folder.put("a", b"x", "text/plain")
    with pytest.raises(StoreUnavailableError, match="a/b cannot be stored"):
        await folder.put("a/b", b"x", "text/plain")
    assert await folder.get("a") == b"x"

"""A large file goes in parts, and goes on where it stopped."""

import json
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest
from blake3 import blake3

from lightmill.client import Farm, RefusedError
from lightmill.client.errors import ContentMismatchError, UploadInterruptedError
from lightmill.client.parts import LARGE
from lightmill.client.transport import Transport

SIZE = 2 * LARGE + 5
CONTENT = bytes(range(256)) * (SIZE // 256) + b"12345"


class TwinStore:
    """A farm and its object store, as far as an upload in parts goes.

    Attributes:
        limit: How many parts the store takes before it is away.
        stale: URLs whose time is over.
        reading: How often the farm says that it is still reading.
    """

    def __init__(self) -> None:
        self.parts: dict[int, bytes] = {}
        self.kept: bytes | None = None
        self.limit = 100
        self.stale: set[str] = set()
        self.reading = 0
        self.signed = 0
        self.refusal: httpx2.Response | None = None
        self._turn = threading.Lock()

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        with self._turn:
            if request.url.host == "store":
                return self._put(request)
            name = request.url.path.rpartition("/")[2].replace("-", "_")
            answer: httpx2.Response = getattr(self, f"_{name}")(request)
            return answer

    def _put(self, request: httpx2.Request) -> httpx2.Response:
        assert "Authorization" not in request.headers
        if len(self.parts) >= self.limit:
            raise httpx2.ConnectError("refused")
        if str(request.url) in self.stale:
            return httpx2.Response(403)
        self.parts[int(request.url.path.strip("/"))] = request.content
        return httpx2.Response(200)

    def _check_hashes(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"assets": {}})

    def _bundles(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(201, json={"bundle_id": "b"})

    def _uploads(self, request: httpx2.Request) -> httpx2.Response:
        assert json.loads(request.content)["blake3"] == blake3(CONTENT).hexdigest()
        lacking = [number for number in (1, 2, 3) if number not in self.parts]
        return httpx2.Response(200, json=self._standing(lacking))

    def _standing(self, lacking: list[int]) -> dict[str, Any]:
        counts = {"part_size": LARGE, "part_count": 3, "lacking": lacking}
        return {"upload_id": "u", "state": "open", "file": None, **counts}

    def _part_urls(self, request: httpx2.Request) -> httpx2.Response:
        self.signed += 1
        numbers = json.loads(request.content)["numbers"]
        urls = {str(n): f"http://store/{n}?signature={self.signed}" for n in numbers}
        return httpx2.Response(200, json={"urls": urls})

    def _complete(self, _: httpx2.Request) -> httpx2.Response:
        if self.refusal is not None:
            return self.refusal
        if self.reading:
            self.reading -= 1
            return httpx2.Response(202, json=self._standing([]))
        if len(self.parts) < 3:
            return httpx2.Response(409, json={"code": "parts-missing"})
        self.kept = b"".join(self.parts[number] for number in sorted(self.parts))
        return httpx2.Response(200, json={"asset_id": 7, "uploaded": True})


def farm(store: TwinStore, waits: list[float] | None = None) -> Farm:
    wire = httpx2.MockTransport(store)
    pause = (waits if waits is not None else []).append
    return Farm("", "", transport=Transport("http://farm", "t", wire=wire, pause=pause))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "cache.abc"
    file.write_bytes(CONTENT)
    return file


def test_the_parts_make_the_file(file: Path) -> None:
    store = TwinStore()
    bundle = farm(store).upload_folder(file)
    assert store.kept == CONTENT
    assert (bundle.assets, bundle.uploaded, bundle.sent) == ({"cache.abc": 7}, 1, SIZE)


def test_a_store_that_goes_away_is_told_and_the_upload_goes_on_later(file: Path) -> None:
    store = TwinStore()
    store.limit = 1
    with pytest.raises(UploadInterruptedError) as told:
        farm(store).upload_folder(file)
    assert (told.value.arrived, told.value.count) == (1, 3)
    for word in ("cache.abc", "http://store", "1 of 3 parts", "goes on from there"):
        assert word in str(told.value)
    there = dict(store.parts)
    store.limit = 100
    farm(store).upload_folder(file)
    assert store.kept == CONTENT
    assert there.items() <= store.parts.items()


def test_a_url_whose_time_is_over_is_asked_for_anew(file: Path) -> None:
    store = TwinStore()
    store.stale = {"http://store/3?signature=1"}
    farm(store).upload_folder(file)
    assert store.kept == CONTENT
    assert store.signed == 2


def test_the_farm_is_asked_again_while_it_reads(file: Path) -> None:
    store, waits = TwinStore(), list[float]()
    store.reading = 2
    farm(store, waits).upload_folder(file)
    assert store.kept == CONTENT
    assert len(waits) == 2


def test_damage_is_told_and_a_refusal_is_not_repeated_for_ever(file: Path) -> None:
    store = TwinStore()
    store.refusal = httpx2.Response(422, json={"code": "content-mismatch"})
    with pytest.raises(ContentMismatchError, match=r"cache\.abc changed .* or was damaged"):
        farm(store).upload_folder(file)
    store.refusal = httpx2.Response(409, json={"code": "parts-missing"})
    with pytest.raises(RefusedError):
        farm(store).upload_folder(file)

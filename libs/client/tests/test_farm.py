import json
import threading
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from blake3 import blake3

from lightmill.client import Farm, JobFailedError
from lightmill.client.errors import ContentMismatchError
from lightmill.client.transport import Transport

Route = Callable[[httpx2.Request], httpx2.Response]
JOB = {"id": "j", "state": "PENDING", "frames": {"total": 2}, "created_at": "2026-01-01T00:00:00Z"}


class TwinFarm:
    """Keeps contents by BLAKE3 as a farm does, and answers other paths as it was told."""

    def __init__(self, **routes: Route) -> None:
        self.routes = routes
        self.kept: dict[str, int] = {}
        self.uploads = 0
        self._turn = threading.Lock()
        self.bundle: list[dict[str, object]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        name = request.url.path.rpartition("/")[2]
        with self._turn:
            return (self.routes.get(name) or getattr(self, name))(request)

    def check_hashes(self, request: httpx2.Request) -> httpx2.Response:
        asked = json.loads(request.content)["hashes"]
        return httpx2.Response(
            200, json={"assets": {h: self.kept[h] for h in asked if h in self.kept}}
        )

    def upload(self, request: httpx2.Request) -> httpx2.Response:
        self.uploads += 1
        content = request.content.partition(b"octet-stream\r\n\r\n")[2].rpartition(b"\r\n--")[0]
        name = blake3(content).hexdigest()
        self.kept[name] = len(self.kept) + 1
        answer = {"uploaded": True, "asset_id": self.kept[name], "blake3": name}
        return httpx2.Response(200, json=answer)

    def bundles(self, request: httpx2.Request) -> httpx2.Response:
        self.bundle = json.loads(request.content)["files"]
        return httpx2.Response(201, json={"bundle_id": "b"})


def farm(twin: Route) -> Farm:
    wire = httpx2.MockTransport(twin)
    transport = Transport("http://farm", "t", wire=wire, pause=lambda _: None)
    return Farm("", "", transport=transport, pause=lambda _: None)


def folder(root: Path, **files: bytes) -> Path:
    for name, content in files.items():
        (root / name).write_bytes(content)
    return root


def test_only_what_the_farm_lacks_is_sent_and_what_is_alike_once(tmp_path: Path) -> None:
    twin = TwinFarm()
    root = folder(tmp_path, a=b"one", b=b"one", c=b"two")
    told: list[tuple[str, int, int]] = []
    with farm(twin) as client:
        first = client.upload_folder(root, lambda *all_: told.append(all_))
        assert (first.bundle_id, first.uploaded, first.present, first.sent) == ("b", 2, 1, 6)
        assert first.assets["a"] == first.assets["b"] != first.assets["c"]
        assert twin.bundle == [{"path": p, "asset_id": a} for p, a in first.assets.items()]
        assert [(n, of) for _, n, of in told] == [(1, 2), (2, 2)]
        (root / "c").write_bytes(b"three")
        assert client.upload_folder(root).uploaded == 1
        assert client.upload_folder(root).uploaded == 0
    assert twin.uploads == 3


def test_a_file_that_changed_while_it_was_sent_is_told(tmp_path: Path) -> None:
    def upload(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"uploaded": True, "asset_id": 1, "blake3": "other"})

    root = folder(tmp_path, a=b"one")
    with (
        farm(TwinFarm(upload=upload)) as client,
        pytest.raises(ContentMismatchError, match="hand it in again"),
    ):
        client.upload_folder(root)


def test_waiting_tells_of_progress_and_of_failure() -> None:
    states = iter(("PENDING", "PROCESSING", "FAILED"))

    def j(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={**JOB, "state": next(states), "error": "no camera"})

    seen: list[str] = []
    with farm(TwinFarm(j=j)) as client, pytest.raises(JobFailedError, match="no camera"):
        client.wait("j", lambda job: seen.append(job.state))
    assert seen == ["PENDING", "PROCESSING", "FAILED"]


def test_a_list_is_read_to_its_last_page_or_to_its_limit() -> None:
    pages = {"": ([1, 2], "two"), "two": ([3, 4], None)}
    asked: list[str] = []

    def jobs(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.params["limit"])
        ids, following = pages[request.url.params.get("cursor", "")]
        size = int(request.url.params["limit"])
        items = [{**JOB, "id": str(number)} for number in ids][:size]
        return httpx2.Response(200, json={"items": items, "next": following})

    with farm(TwinFarm(jobs=jobs)) as client:
        assert [job.id for job in client.jobs(limit=50)] == ["1", "2", "3", "4"]
        assert [job.id for job in client.jobs(limit=3)] == ["1", "2", "3"]
    assert asked == ["50", "48", "3", "1"]


def test_an_image_is_kept_only_when_it_is_what_was_rendered(tmp_path: Path) -> None:
    content = b"image"
    result = {
        "frame": 7,
        "node_id": "n",
        "attempt_id": "a",
        "blake3": blake3(content).hexdigest(),
        "size": 5,
        "width": 1,
        "height": 1,
        "media_type": "image/png",
        "seconds": 0.1,
        "created_at": "2026-01-01T00:00:00Z",
        "url": "http://store/key",
    }
    served = [b"imag!", content]

    def results(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"items": [result], "next": None})

    def key(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=served.pop(0))

    with farm(TwinFarm(results=results, key=key)) as client:
        with pytest.raises(ContentMismatchError, match="frame 7"):
            client.download("j", tmp_path)
        assert list(tmp_path.iterdir()) == []
        assert client.download("j", tmp_path) == [tmp_path / "0007.png"]
        assert client.download("j", tmp_path) == [tmp_path / "0007.png"]
    assert served == []

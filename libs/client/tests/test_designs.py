import json
from pathlib import Path

import httpx2
import pytest
from libs.client.tests.test_farm import TwinFarm, farm
from typer.testing import CliRunner
from typing_extensions import override

from lightmill.client.cli.app import app
from lightmill.client.cli.session import Session
from lightmill.client.errors import RefusedError

SEEN = {
    "design_id": "chair",
    "name": "Chair",
    "version": 2,
    "versions": 2,
    "model": "chair.glb",
    "engine": "blender",
    "state": "READY",
    "metadata": {"triangles": 12, "unknown": [], "missing": []},
    "materials": {"Seat": "oak"},
    "thumbnail_url": None,
    "created_at": "2026-11-22T12:00:00Z",
}


class DesignTwin(TwinFarm):
    """Keeps what it was asked, and answers as the api does."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, object]] = []

    @override
    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        path = request.url.raw_path.decode().partition("?")[0]
        if path.startswith("/api/files"):
            return super().__call__(request)
        body = json.loads(request.content) if request.content else None
        self.asked.append((request.method, path, body))
        return self.answer(request.method, path)

    def answer(self, method: str, path: str) -> httpx2.Response:
        if method in {"PUT", "DELETE"}:
            return httpx2.Response(204)
        if path.endswith("/script"):
            return httpx2.Response(200, text="import bpy\n")
        if path.endswith("/shares"):
            return httpx2.Response(200, json={"users": ["ada"]})
        if method == "GET" and path.endswith(("/designs", "/versions")):
            return httpx2.Response(200, json={"items": [SEEN], "next": None})
        if method == "GET":
            return httpx2.Response(200, json=SEEN)
        made = {"design_id": "chair", "version": 2, "texture_id": "t", "material_id": "m"}
        return httpx2.Response(201, json=made | {"job_id": "j", "jobId": "j"})


@pytest.fixture
def twin() -> DesignTwin:
    return DesignTwin()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "chair.glb"
    path.write_bytes(b"model")
    return path


def run(twin: DesignTwin, *words: str) -> str:
    session = Session(
        open=lambda _: farm(twin),
        environment={"LIGHTMILL_URL": "http://farm", "LIGHTMILL_TOKEN": "t"},
    )
    done = CliRunner().invoke(app, ["designs", *words], obj=session)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def test_a_version_is_handed_in_with_its_materials(twin: DesignTwin, model: Path) -> None:
    assert run(twin, "update", "chair", str(model), "--material", "Seat=oak") == "2"
    _, path, body = twin.asked[-1]
    assert path == "/api/v1/designs/chair/versions"
    assert isinstance(body, dict)
    assert (body["model"], body["materials"]) == ("chair.glb", {"Seat": "oak"})
    assert body["files"] == [{"path": "chair.glb", "asset_id": 1}]


def test_designs_are_listed_shown_and_shared(twin: DesignTwin) -> None:
    assert "chair" in run(twin, "list")
    assert "triangles: 12" in run(twin, "show", "chair")
    assert json.loads(run(twin, "versions", "chair", "--json"))[0]["version"] == 2
    run(twin, "share", "chair", "*")
    run(twin, "unshare", "oak grain", "ada", "--kind", "textures")
    assert run(twin, "shares", "chair") == "ada"
    assert [asked[:2] for asked in twin.asked[-3:]] == [
        ("PUT", "/api/v1/designs/chair/shares/*"),
        ("DELETE", "/api/v1/textures/oak%20grain/shares/ada"),
        ("GET", "/api/v1/designs/chair/shares"),
    ]


def test_textures_make_materials(twin: DesignTwin, model: Path) -> None:
    assert run(twin, "texture", str(model), "--id", "grain", "--data") == "t"
    words = ("--colour", "0.5", "0.2", "0.1", "--texture", "base_color=grain")
    assert run(twin, "material", "Oak", "--id", "oak", *words) == "m"
    _, _, body = twin.asked[-1]
    assert body == {
        "name": "Oak",
        "material_id": "oak",
        "base_color": [0.5, 0.2, 0.1],
        "textures": {"base_color": "grain"},
    }


def test_a_script_is_written_as_it_is(twin: DesignTwin, tmp_path: Path) -> None:
    run(twin, "script", "j", str(tmp_path / "render.py"))
    assert (tmp_path / "render.py").read_text() == "import bpy\n"


def test_a_turntable_is_asked_for(twin: DesignTwin) -> None:
    assert run(twin, "render", "chair", "--turntable", "24", "--ground") == "j"
    _, path, body = twin.asked[-1]
    assert isinstance(body, dict)
    assert (path, body["turntable"], body["ground"]) == ("/jobs", 24, True)


def test_a_script_that_is_not_there_is_refused(twin: DesignTwin) -> None:
    twin.answer = lambda *_: httpx2.Response(404, json={"detail": "no"})  # type: ignore[method-assign]  # another answer
    with pytest.raises(RefusedError):
        farm(twin).designs.script("j")

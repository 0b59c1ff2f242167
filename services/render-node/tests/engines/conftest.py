"""The engines that the kit is run on, and a bench to run them on."""

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from engine_kit import Bench, Subject
from PIL import Image

from lightmill.domain.job import Json, Work
from lightmill.render_node.engines.assembly import AssemblyEngine
from lightmill.render_node.engines.blender import BpyModule
from lightmill.render_node.engines.command import CommandEngine
from lightmill.render_node.engines.maya import Maya
from lightmill.render_node.engines.sandbox import (
    Bubblewrap,
    Sandbox,
    Unconfined,
    python_readable,
)
from lightmill.render_node.engines.simulated import Simulated
from lightmill.render_node.engines.unreal import Unreal

PAINTER = Path(__file__).with_name("painter.py")
STANDINS = Path(__file__).with_name("standins")
SCENES = Path(__file__).with_name("scenes.py")
MakeScenes = Callable[..., None]


@pytest.fixture(params=["bubblewrap", "none"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    if request.param == "none":
        return Unconfined("none")
    if not (bubblewrap := Bubblewrap()).works():
        pytest.skip("bubblewrap does not work here")
    return bubblewrap


@pytest.fixture
async def bench(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path, sandbox)
    yield bench
    await bench.close()


@pytest.fixture(scope="session")
def make_scenes(blender_python: Path) -> MakeScenes:
    """Return a function that makes the scenes that are named in a folder."""

    def make(folder: Path, *words: str) -> None:
        subprocess.run(  # noqa: S603  # the tests' own script
            [blender_python, SCENES, folder, *words], check=True, capture_output=True, timeout=120
        )

    return make


@pytest.fixture(scope="session")
def blender_scenes(make_scenes: MakeScenes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    make_scenes(folder, "moving", "falling", "cutting", "endless", "named")
    return folder


@pytest.fixture
def simulated(tmp_path: Path) -> Subject:
    return Subject(
        engine=Simulated(),
        project=tmp_path,
        quick=Work(engine="simulated", settings={"seconds": 0.05}),
        endless=Work(engine="simulated", settings={"misbehave": "spin"}),
    )


@pytest.fixture
def command(tmp_path: Path) -> Subject:
    python = Path(sys.executable).resolve()
    folders = (*python_readable(python), PAINTER)
    painter: list[Json] = [str(python), "-I", "-S", str(PAINTER), "{frame}", "{output}"]
    endless: list[Json] = ["sleep", "3600"]
    return Subject(
        engine=CommandEngine(folders),
        project=tmp_path,
        quick=Work(engine="command", settings={"command": painter}),
        endless=Work(engine="command", settings={"command": endless}),
    )


def pictures(folder: Path) -> None:
    """Write a picture for each of frames 1 to 3, in the formats that stand-ins are asked for."""
    folder.mkdir(parents=True)
    for frame in (1, 2, 3):
        image = Image.new("RGB", (16, 16), (frame * 60, 0, 0))
        for ending in ("png", "jpeg", "tif"):
            image.save(folder / f"{frame:04d}.{ending}")


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def maya_home(tmp_path: Path) -> Path:
    home = tmp_path / "maya2025"
    executable(home / "bin/Render", (STANDINS / "Render").read_text("utf-8"))
    pictures(home / "pictures")
    return home


@pytest.fixture
def maya(maya_home: Path, tmp_path: Path) -> Subject:
    project = tmp_path / "maya project"
    (project / "scenes").mkdir(parents=True)
    for name in ("shot", "endless", "unlicensed", "layered", "empty"):
        (project / f"scenes/{name}.ma").touch()
    return Subject(
        engine=Maya(maya_home, windows=False),
        project=project,
        quick=Work(engine="maya", scene="scenes/shot.ma"),
        endless=Work(engine="maya", scene="scenes/endless.ma"),
    )


@pytest.fixture
def unreal_home(tmp_path: Path) -> Path:
    home = tmp_path / "UE_5.4"
    editor = home / "Engine/Binaries/Linux/UnrealEditor-Cmd"
    python = Path(sys.executable).resolve()
    executable(editor, f'#!/bin/sh\nexec {python} -I -S {home}/unreal_editor.py "$@"\n')
    version = home / "Engine/Build/Build.version"
    version.parent.mkdir()
    version.write_text('{"MajorVersion": 5, "MinorVersion": 4, "PatchVersion": 1}')
    for name in ("unreal.py", "unreal_editor.py"):
        shutil.copy(STANDINS / name, home)
    pictures(home / "pictures")
    return home


@pytest.fixture
def unreal(unreal_home: Path, tmp_path: Path) -> Subject:
    project = tmp_path / "unreal project"
    (project / "Content").mkdir(parents=True)
    (project / "Shot.uproject").write_text("{}")
    assets: dict[str, Json] = {"map": "/Game/Maps/M", "config": "/Game/Presets/P.P"}
    quick = {**assets, "sequence": "/Game/Shots/A.A"}
    endless = {**assets, "sequence": "/Game/Shots/Endless.Endless"}
    return Subject(
        engine=Unreal(unreal_home, windows=False),
        project=project,
        quick=Work(engine="unreal", scene="Shot.uproject", settings=quick),
        endless=Work(engine="unreal", scene="Shot.uproject", settings=endless),
    )


@pytest.fixture
def assembly(tmp_path: Path) -> Subject:
    """Stitches three stills of two tiles each; the endless one waits for a pipe's other end."""
    project = tmp_path / "rendered"
    (project / "tiles").mkdir(parents=True)
    for number in range(2, 8):
        Image.new("RGB", (8, 8), (number * 30, 0, 0)).save(project / f"tiles/{number:04d}.png")
    for number in range(10, 20):
        os.mkfifo(project / f"tiles/{number:04d}.png")
    settings: dict[str, Json] = {"assemble": "stitch", "columns": 2, "rows": 1}
    return Subject(
        engine=AssemblyEngine(),
        project=project,
        quick=Work(engine="assembly", settings=settings, inputs=("tiles",)),
        endless=Work(engine="assembly", settings=settings | {"rows": 5}, inputs=("tiles",)),
    )


@pytest.fixture
def blender(blender_python: Path, blender_scenes: Path) -> Subject:
    return Subject(
        engine=BpyModule(blender_python.parent.parent),
        project=blender_scenes,
        quick=Work(engine="blender", scene="moving.blend"),
        endless=Work(engine="blender", scene="endless.blend"),
    )


@pytest.fixture(
    params=[
        "simulated",
        "command",
        "maya",
        "unreal",
        "assembly",
        pytest.param("blender", marks=[pytest.mark.blender, pytest.mark.slow]),
    ]
)
def subject(request: pytest.FixtureRequest) -> Subject:
    found: Subject = request.getfixturevalue(request.param)
    return found

"""The engines that the kit is run on, and a bench to run them on."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from engine_kit import Bench, Subject

from lightmill.domain.job import Json, Work
from lightmill.render_node.engines.blender import BpyModule
from lightmill.render_node.engines.command import CommandEngine
from lightmill.render_node.engines.sandbox import (
    Bubblewrap,
    Sandbox,
    Unconfined,
    python_readable,
)
from lightmill.render_node.engines.simulated import Simulated

PAINTER = Path(__file__).with_name("painter.py")
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
        pytest.param("blender", marks=[pytest.mark.blender, pytest.mark.slow]),
    ]
)
def subject(request: pytest.FixtureRequest) -> Subject:
    found: Subject = request.getfixturevalue(request.param)
    return found

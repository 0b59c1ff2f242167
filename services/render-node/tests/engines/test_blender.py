"""A real Blender: what is kept between frames, what is set, what is refused."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from engine_kit import Bench, Subject, until
from PIL import Image

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Json, Work
from lightmill.render_node.engines.blender import BpyModule, ScenePolicy
from lightmill.render_node.engines.images import OpenImageIoImages
from lightmill.render_node.engines.sandbox import Bubblewrap
from lightmill.render_node.ports import Renderer, RenderFailedError

pytestmark = [pytest.mark.blender, pytest.mark.slow, pytest.mark.timeout(180)]
COLD = Path(__file__).with_name("cold.py")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bubblewrap = Bubblewrap()
    bench = Bench(tmp_path, bubblewrap if bubblewrap.works() else None)
    yield bench
    await bench.close()


async def opened(
    bench: Bench, subject: Subject, scene: str, settings: dict[str, Json] | None = None
) -> Renderer:
    work = Work(engine="blender", scene=scene, settings=settings or {})
    return await bench.open(subject.engine, bench.launch(work, subject.project))


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image).copy()


@pytest.mark.parametrize("scene", ["moving.blend", "falling.blend", "cutting.blend"])
async def test_warm_frames_equal_cold_ones(
    bench: Bench, blender: Subject, blender_python: Path, scene: str
) -> None:
    renderer = await opened(bench, blender, scene)
    for frame in (1, 5, 8, 3, 5):
        warm = pixels((await bench.render(renderer, frame)).path)
        cold = bench.state_dir / f"{frame}.png"
        if not cold.exists():
            plain = list(map(str, (blender_python, COLD, blender.project / scene, frame, cold)))
            subprocess.run(plain, check=True, capture_output=True, timeout=120)  # noqa: ASYNC221, S603  # nothing else runs meanwhile
        assert np.array_equal(warm, pixels(cold)), f"frame {frame} differs"


async def test_blow_in_the_middle_of_a_frame(bench: Bench, blender: Subject) -> None:
    renderer = await opened(bench, blender, "endless.blend")
    rendering = asyncio.create_task(bench.render(renderer, 1))
    await until(lambda: bool(bench.progress), 60)
    for pid in bench.processes():
        with suppress(ProcessLookupError):  # it ends with the one inside it
            os.kill(pid, signal.SIGKILL)
    with pytest.raises(RenderFailedError) as failed:
        await rendering
    assert failed.value.kind is FailureKind.ENGINE


async def test_progress_grows(bench: Bench, blender: Subject) -> None:
    renderer = await opened(bench, blender, "endless.blend", {"samples": 512})
    image = await bench.render(renderer, 1)
    assert bench.progress == sorted(bench.progress)
    assert image.samples == 512
    assert (image.engine or "").startswith("blender 4.")


async def test_settings_are_applied(bench: Bench, blender: Subject) -> None:
    settings: dict[str, Json] = {
        "width": 60,
        "height": 40,
        "percentage": 50,
        "samples": 1,
        "camera": "Other",
        "transparent": True,
    }
    renderer = await opened(bench, blender, "named.blend", settings)
    image = await bench.render(renderer, 1)
    assert OpenImageIoImages().check(image.path, 30, 20).media_type == "image/png"
    assert pixels(image.path)[0, 0, 3] == 0


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("1.jpg", "image/jpeg"), ("1.exr", "image/x-exr"), ("1.tif", "image/tiff")],
)
async def test_suffix_chooses_the_format(
    bench: Bench, blender: Subject, name: str, media_type: str
) -> None:
    renderer = await opened(bench, blender, "moving.blend", {"samples": 1})
    image = await bench.render(renderer, 1, name)
    images = OpenImageIoImages()
    assert images.check(image.path, 96, 64).media_type == media_type
    images.thumbnail(image.path, bench.scratch / "thumb.jpg")


@pytest.mark.parametrize(
    ("scene", "settings", "kind", "words"),
    [
        ("absent.blend", {}, FailureKind.MISSING_FILE, "absent.blend is not in the bundle"),
        ("checker.png", {}, FailureKind.MISSING_FILE, "checker.png cannot be opened"),
        ("named.blend", {}, FailureKind.ENGINE, "no camera"),
        ("named.blend", {"camera": "X"}, FailureKind.ENGINE, "the scene has: Camera, Other"),
    ],
)
async def test_scene_that_cannot_be_opened(
    bench: Bench,
    blender: Subject,
    scene: str,
    settings: dict[str, Json],
    kind: FailureKind,
    words: str,
) -> None:
    renderer = await opened(bench, blender, scene, settings)
    with pytest.raises(RenderFailedError, match=words) as failed:
        await bench.render(renderer, 1)
    assert failed.value.kind is kind


async def test_script_of_a_design(bench: Bench, blender: Subject) -> None:
    bench.project.joinpath("render.py").write_text(
        "import bpy\n"
        "from pathlib import Path\n"
        "def build(folder):\n"
        "    assert __name__ == 'lightmill_design'\n"
        "    assert Path(folder, 'render.py').is_file()\n"
        "    bpy.ops.wm.read_factory_settings()\n"
        "    scene = bpy.context.scene\n"
        "    scene.render.engine = 'CYCLES'\n"
        "    scene.cycles.samples = 1\n"
        "    scene.render.resolution_x, scene.render.resolution_y = 32, 16\n"
    )
    work = Work(engine="blender", script="render.py")
    renderer = await bench.open(blender.engine, bench.launch(work))
    image = await bench.render(renderer, 1)
    OpenImageIoImages().check(image.path, 32, 16)


TWO_LAYERS = """
import bpy
def build(folder):
    bpy.ops.wm.read_factory_settings()
    scene = bpy.context.scene
    scene.render.engine = 'CYCLES'
    scene.cycles.samples = 1
    scene.render.film_transparent = True
    scene.render.resolution_x, scene.render.resolution_y = 32, 16
    bare = scene.view_layers.new("Bare")
    bare.layer_collection.children[0].exclude = True
"""


@pytest.mark.parametrize(("layer", "opaque"), [("ViewLayer", 255), ("Bare", 0)])
async def test_the_view_layers_that_were_asked_for_are_rendered(
    bench: Bench, blender: Subject, layer: str, opaque: int
) -> None:
    bench.project.joinpath("render.py").write_text(TWO_LAYERS)
    work = Work(engine="blender", script="render.py", settings={"view_layers": [layer]})
    renderer = await bench.open(blender.engine, bench.launch(work))
    image = await bench.render(renderer, 1)
    assert pixels(image.path)[..., 3].max() == opaque


async def test_eevee_without_a_device_is_refused_in_words(bench: Bench, blender: Subject) -> None:
    bench.project.joinpath("render.py").write_text(
        "import bpy\nbpy.context.scene.render.engine = 'BLENDER_EEVEE_NEXT'\n"
    )
    work = Work(engine="blender", script="render.py")
    renderer = await bench.open(blender.engine, bench.launch(work))
    with pytest.raises(RenderFailedError, match="needs a GPU, and the job was granted none"):
        await bench.render(renderer, 1)


async def test_an_add_on_that_the_node_allows_is_enabled_for_the_job_that_asks(
    bench: Bench, blender_python: Path
) -> None:
    bench.project.joinpath("render.py").write_text(
        "import bpy\n"
        "print('add-ons:', *bpy.context.preferences.addons.keys())\n"
        "bpy.context.scene.render.engine = 'CYCLES'\n"
    )
    engine = BpyModule(
        blender_python.parent.parent, ScenePolicy(addons=("node_wrangler", "rigify"))
    )
    settings: dict[str, Json] = {"addons": ["node_wrangler"], "samples": 1, "width": 32}
    work = Work(engine="blender", script="render.py", settings=settings)
    await bench.render(await bench.open(engine, bench.launch(work)), 1)
    (told,) = (line for line in bench.log.read_text().splitlines() if line.startswith("add-ons:"))
    assert "node_wrangler" in told
    assert "rigify" not in told


# --- a hostile scene -------------------------------------------------------------------------


@pytest.fixture
def listening() -> Iterator[int]:
    """Return a port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def hostile(
    tmp_path: Path, bench: Bench, blender: Subject, blender_python: Path, listening: int
) -> Path:
    """Make a scene that tries everything; returns the folder that it should not reach."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("the node's token")
    del blender
    words = {
        "outside": outside / "written",
        "secret": outside / "secret",
        "report": bench.scratch / "report.json",
        "port": listening,
    }
    subprocess.run(  # noqa: S603  # the tests' own script
        [
            blender_python,
            COLD.with_name("scenes.py"),
            bench.project,
            "hostile",
            *(f"{key}={value}" for key, value in words.items()),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return outside


def report(bench: Bench) -> dict[str, str]:
    found: dict[str, str] = json.loads((bench.scratch / "report.json").read_text())
    return found


async def test_hostile_scene_reaches_nothing(
    bench: Bench, blender: Subject, blender_python: Path, hostile: Path
) -> None:
    """A trusting Blender beside it shows that the attack is real and that the test can see it."""
    scene = bench.project / "hostile.blend"
    plain = list(map(str, (blender_python, COLD, scene, 1, hostile / "1.png", "trusting")))
    environment = {**os.environ, "LIGHTMILL_TEST_SECRET": "shown"}  # noqa: TID251  # what is to be scrubbed
    subprocess.run(plain, check=True, capture_output=True, timeout=120, env=environment)  # noqa: ASYNC221, S603  # nothing else runs meanwhile
    assert report(bench)["read"] == "the node's token"
    assert "refused" not in report(bench)["network"]
    assert report(bench)["secret in own environment"] == "shown"
    assert (hostile / "written").exists()
    assert (hostile / "composited0001.png").exists()
    for path in ("outside/written", "scratch/report.json", "outside/composited0001.png"):
        (hostile.parent / path).unlink()

    work = Work(engine="blender", scene="hostile.blend")
    renderer = await bench.open(blender.engine, bench.launch(work))
    await bench.render(renderer, 1)
    assert not (bench.scratch / "report.json").exists(), "a script of the scene ran"
    assert not (hostile / "composited0001.png").exists()


async def test_code_inside_the_walls_reaches_nothing(
    bench: Bench, blender: Subject, hostile: Path
) -> None:
    """A design's script runs by intention; so what the walls hold is seen without any trick."""
    if not Bubblewrap().works():
        pytest.skip("bubblewrap does not work here")
    code = (bench.project / "evil.py").read_text()
    bench.project.joinpath("render.py").write_text(
        "import bpy\n"
        "def build(folder):\n"
        f"    exec({code!r}, {{}})\n"
        "    bpy.context.scene.render.engine = 'CYCLES'\n"
    )
    work = Work(engine="blender", script="render.py", settings={"width": 32, "samples": 1})
    renderer = await bench.open(blender.engine, bench.launch(work))
    await bench.render(renderer, 1)
    found = report(bench)
    for refused in ("write", "read", "network", "secret in own environment", "project"):
        assert "refused" in found[refused], (refused, found)
    assert found["user"] == "1000"
    assert len(json.loads(found["processes"].replace("'", '"'))) <= 3
    assert "LIGHTMILL_TEST_SECRET" not in found["environment"]
    assert not (hostile / "written").exists()


@pytest.fixture(scope="module")
def elsewhere(make_scenes: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("elsewhere")
    make_scenes(folder, "elsewhere")
    return folder


@pytest.mark.parametrize("shared", [False, True], ids=["in the bundle", "on a share"])
async def test_paths_of_the_submitters_machine_are_found_by_the_rules(
    bench: Bench,
    elsewhere: Path,
    tmp_path: Path,
    shared: bool,  # noqa: FBT001  # a parameter
) -> None:
    project, share = tmp_path / "bundle", tmp_path / "share"
    shutil.copytree(elsewhere, project)
    if shared:
        share.mkdir()
        for name in ("checker.png", "props.blend"):
            shutil.copy(project / name, share)
    target = str(share) if shared else ""
    moves = (("p:/Wolf", target), ("P:\\", "/nowhere"), ("/home/artist/wolf/", target))
    policy = ScenePolicy(moves=moves)
    images = {}
    for name in ("here", "windows", "posix"):
        work = Work(engine="blender", scene=f"{name}.blend")
        engine = BpyModule(policy=policy)
        renderer = await bench.open(engine, bench.launch(work, project))
        images[name] = pixels((await bench.render(renderer, 1)).path)
        await renderer.close()
    assert np.array_equal(images["windows"], images["here"])
    assert np.array_equal(images["posix"], images["here"])
    work = Work(engine="blender", scene="windows.blend")
    renderer = await bench.open(BpyModule(), bench.launch(work, project))
    without = pixels((await bench.render(renderer, 1)).path)
    assert not np.array_equal(without, images["here"]), "the test cannot see a texture"

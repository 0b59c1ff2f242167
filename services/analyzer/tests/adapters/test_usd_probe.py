"""USD scenes, read layer by layer in the child process as the service does."""

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import pytest

from lightmill.analyzer.adapters import sandbox
from lightmill.analyzer.adapters.probe import ProcessLimits
from lightmill.analyzer.core.outcome import outcome
from lightmill.analyzer.core.reading import SceneReading
from lightmill.analyzer.factory import readers
from lightmill.analyzer.ports import UnreadableSceneError

pytestmark = pytest.mark.slow

LIMITS = ProcessLimits(seconds=120, memory=4 * 2**30, size=2**30)
BWRAP = sandbox.bubblewrap()
SHOT = """#usda 1.0
(
    defaultPrim = "World"
    startTimeCode = 5
    endTimeCode = 48
    framesPerSecond = 25
    upAxis = "Z"
    subLayers = [@./layout.usda@, @./gone.usda@]
)
def Xform "World" (references = @../assets/chair.usda@</Chair>)
{
    def Camera "Front" {}
    def Shader "wood"
    {
        asset inputs:file = @../textures/wood.<UDIM>.png@
        asset inputs:other = @C:\\textures\\far.png@
        asset inputs:outside = @../../secret.png@
    }
    def Volume "smoke"
    {
        asset filePath.timeSamples = { 1: @smoke_1.vdb@, 2: @smoke_2.vdb@ }
        asset[] more = [@one.png@, @two.png@]
    }
}
"""
CHAIR = """#usda 1.0
def Xform "Chair"
{
    asset image = @./oak.png@
    def Camera "Close" {}
}
"""
LAYOUT = "#usda 1.0\n(subLayers = [@./shot.usda@])\n"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    for path, text in {
        "scenes/shot.usda": SHOT,
        "scenes/layout.usda": LAYOUT,
        "assets/chair.usda": CHAIR,
        "textures/wood.1001.png": "",
        "scenes/smoke_1.vdb": "",
        "scenes/one.png": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def read(folder: Path, scene: str) -> SceneReading:
    reader = readers(LIMITS, BWRAP)[Path(scene).suffix]
    return asyncio.run(reader.read(folder, scene))


def test_settings_files_and_cameras_of_every_layer(job: Path) -> None:
    reading = read(job, "scenes/shot.usda")
    assert reading.scene_info == {
        "format": "usd",
        "start": 5,
        "end": 48,
        "fps": 25,
        "up_axis": "Z",
        "default_prim": "World",
        "cameras": ["/Chair/Close", "/World/Front"],
    }
    paths = [path.relative_to(job).as_posix() for path in job.rglob("*") if path.is_file()]
    found = outcome(reading, paths)
    assert {path for entry in found["missing"] for path in entry.values()} == {  # type: ignore[attr-defined]  # a list
        "./gone.usda",
        "C:/textures/far.png",
        "../../secret.png",
        "smoke_2.vdb",
        "two.png",
        "./oak.png",
    }
    assert found["used_by"]["./oak.png"] == ["assets/chair.usda: /Chair.image"]  # type: ignore[index]  # a mapping


PACK = """
import sys
from pxr import UsdUtils
UsdUtils.CreateNewUsdzPackage(sys.argv[1], sys.argv[2])
"""


def test_what_a_package_holds_is_there(job: Path) -> None:
    (job / "assets/oak.png").write_bytes(b"\x89PNG")
    command = [sys.executable, "-c", PACK, str(job / "assets/chair.usda"), str(job / "chair.usdz")]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own command
    reading = read(job, "chair.usdz")
    assert (reading.uses, reading.scene_info["cameras"]) == ((), ["/Chair/Close"])


@pytest.mark.parametrize(
    "content", [b"", b"#!/bin/sh", b"#usda 1.0\ndef {", b"PXR-USDC" + bytes(99), b"PK\x03\x04" * 9]
)
def test_what_is_no_usd_is_refused(job: Path, content: bytes) -> None:
    for name in ("a.usd", "a.usda", "a.usdc", "a.usdz"):
        (job / name).write_bytes(content)
        with pytest.raises(UnreadableSceneError, match=name):
            read(job, name)


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_scene_is_read_or_refused(job: Path, seed: int) -> None:
    path = job / "scenes/shot.usda"
    content = bytearray(path.read_bytes())
    chance = random.Random(seed)  # noqa: S311  # the same damage every time
    for _ in range(2**seed):
        content[chance.randrange(10, len(content))] = chance.randrange(256)
    path.write_bytes(content)
    try:
        read(job, "scenes/shot.usda")
    except UnreadableSceneError as error:
        assert "scenes/shot.usda" in error.reason  # noqa: PT017  # either outcome is allowed


BOX = """#usda 1.0
(
    metersPerUnit = 0.01
    upAxis = "{up}"
)
def Xform "Model"
{{
    double3 xformOp:translate = (100, 0, 0)
    uniform token[] xformOpOrder = ["xformOp:translate"]
    def Mesh "Sheet"
    {{
        int[] faceVertexCounts = [4, 3]
        int[] faceVertexIndices = [0, 1, 2, 3, 0, 1, 2]
        point3f[] points = [(0, 0, 1), (2, 0, 1), (2, 3, 1), (0, 3, 4)]
    }}
    def Material "Oak" {{}}
}}
"""


@pytest.mark.parametrize(
    ("up", "bounds"),
    [
        ("Y", {"min": [100, 0, 1], "max": [102, 3, 4]}),
        ("Z", {"min": [100, 1, -3], "max": [102, 4, 0]}),
    ],
)
def test_a_model_in_one_file_tells_its_size_with_y_up(
    tmp_path: Path, up: str, bounds: dict[str, list[float]]
) -> None:
    (tmp_path / "model.usda").write_text(BOX.format(up=up))
    info = read(tmp_path, "model.usda").scene_info
    assert (info["bounds"], info["triangles"], info["materials"]) == (bounds, 3, ["Oak"])


def test_of_a_scene_in_several_files_no_size_is_told(job: Path) -> None:
    assert "bounds" not in read(job, "scenes/shot.usda").scene_info

"""Scenes that a real Blender wrote, read in the child process as the service does."""

import asyncio
import contextlib
import fcntl
import random
import shutil
import socket
import sys
from pathlib import Path
from typing import TextIO

import pytest

from lightmill.analyzer.adapters import sandbox
from lightmill.analyzer.adapters.probe import Probe, ProcessLimits
from lightmill.analyzer.adapters.probe_reader import BLEND, ProbeReader
from lightmill.analyzer.core.outcome import outcome
from lightmill.analyzer.core.reading import SceneReading
from lightmill.analyzer.ports import UnreadableSceneError
from lightmill.testing.blender import RunBlender

LIMITS = ProcessLimits(seconds=120, memory=2 * 2**30, size=2**30)
BWRAP = sandbox.bubblewrap()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, run_blender: RunBlender) -> Path:
    folder = tmp_path_factory.mktemp("written")
    run_blender(Path(__file__).with_name("make_scenes.py"), str(folder))
    return folder


@pytest.fixture
def bundle(written: Path, tmp_path: Path) -> Path:
    """Return a copy, since reading may unpack files, under a path that no scene knows."""
    return shutil.copytree(written, tmp_path / "bundle")


def read(bundle: Path, scene: str, limits: ProcessLimits = LIMITS) -> SceneReading:
    return asyncio.run(ProbeReader(Probe(limits, BWRAP, BLEND), ()).read(bundle, scene))


@pytest.mark.blender
@pytest.mark.slow
@pytest.mark.parametrize("scene", ["scenes/shot.blend", "scenes/shot_zstd.blend"])
def test_settings_and_files_of_a_scene(bundle: Path, scene: str) -> None:
    paths = [path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()]
    reading = read(bundle, scene)
    found = outcome(reading, paths)
    assert reading.scene_info == {
        "renderer": "cycles",
        "engine": "CYCLES",
        "start": 5,
        "end": 48,
        "step": 2,
        "width": 640,
        "height": 360,
        "percentage": 50,
        "fps": 29.970030,
        "samples": 32,
        "camera": "Close",
        "cameras": ["Camera", "Close"],
        "format": "OPEN_EXR",
        "color_mode": "RGB",
        "color_depth": 16,
        "quality": 70,
        "compression": 15,
        "output": "//out/shot_####",
        "view_transform": "Filmic",
        "memory": pytest.approx(290e6, rel=0.05),
        "scene": "Shot 010",
        "scenes": ["Another", "Shot 010"],
        "view_layers": ["ViewLayer", "Characters"],
        "version": "4.5",
    } | {"fps": pytest.approx(30 / 1.001, abs=1e-4)}
    missing = {path for item in found["missing"] for path in item.values()}  # type: ignore[attr-defined]  # a list
    assert missing == {
        "//../textures/missing.png",
        "//../Textures/Wood.png",
        "C:/Project/textures/wood.png",
        "/home/artist/textures/posix.png",
        "//../nothing/img_0001.png",
        "//../tiles/hair.<UDIM>.png",
        "//../fonts/title.ttf",
        "//../sounds/gone.wav",
        "//../caches/smoke_0001.vdb",
        "//../caches/cube.pc2",
        "//../caches/cloth/",
        "//../caches/walk.abc",
        "//../lamps/lamp.ies",
        "//../plates/img_0007.png",
    }
    assert set(found["asset"]) - missing == {  # type: ignore[call-overload]  # a list
        "//../textures/wood.png",
        "//../textures/wood2.png",
        "//../textures/grain.png",
        "//../sequence/img_0001.png",
        "//../tiles/skin.<UDIM>.png",
        "//../libraries/woods.blend",
    }


@pytest.mark.blender
@pytest.mark.slow
def test_blenders_own_defaults(bundle: Path) -> None:
    reading = read(bundle, "simple.blend")
    assert reading.uses == ()
    info = reading.scene_info
    assert (info["renderer"], info["start"], info["end"], info["fps"]) == ("eevee", 1, 250, 24)
    assert (info["width"], info["height"], info["camera"]) == (1920, 1080, "Camera")


@pytest.mark.blender
@pytest.mark.slow
def test_all_frames_of_a_large_compressed_file_are_read(bundle: Path) -> None:
    assert [use.path for use in read(bundle, "large.blend").uses] == ["//zz_last.png"]


@pytest.mark.blender
@pytest.mark.slow
def test_a_file_that_unpacks_to_too_much_is_refused(bundle: Path) -> None:
    limits = ProcessLimits(seconds=120, memory=2 * 2**30, size=3 * 2**20)
    with pytest.raises(UnreadableSceneError, match="unpacks to more bytes"):
        read(bundle, "large.blend", limits)


@pytest.mark.blender
@pytest.mark.slow
def test_a_library_that_is_not_there_is_missing_and_no_fault(bundle: Path) -> None:
    (bundle / "libraries/woods.blend").unlink()
    uses = [use.path for use in read(bundle, "scenes/shot.blend").uses]
    assert "//../libraries/woods.blend" in uses
    assert "//../textures/grain.png" not in uses


@pytest.mark.blender
@pytest.mark.slow
def test_a_library_outside_of_the_folder_is_never_opened(bundle: Path) -> None:
    inner = bundle / "inner"
    shutil.copytree(bundle / "scenes", inner / "scenes")
    reading = read(inner, "scenes/shot.blend")  # //../libraries would lie in the bundle again
    assert all(use.referrer == "scenes/shot.blend" for use in reading.uses)
    alone = bundle / "alone"
    alone.mkdir()
    shutil.copy(bundle / "scenes/shot.blend", alone)
    reading = read(alone, "shot.blend")  # //../libraries exists, outside of this folder
    assert {use.referrer for use in reading.uses} == {"shot.blend"}


@pytest.mark.blender
@pytest.mark.slow
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
def test_a_file_that_breaks_off_is_refused(bundle: Path, share: float) -> None:
    for scene in ("scenes/shot.blend", "scenes/shot_zstd.blend"):
        path = bundle / scene
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        with pytest.raises(UnreadableSceneError, match=scene):
            read(bundle, scene)


@pytest.mark.blender
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_file_is_read_or_refused(bundle: Path, seed: int) -> None:
    path = bundle / "scenes/shot.blend"
    content = bytearray(path.read_bytes())
    chance = random.Random(seed)  # noqa: S311  # the same damage every time
    for _ in range(4 ** (seed % 6)):
        content[chance.randrange(7, len(content))] = chance.randrange(256)
    path.write_bytes(content)
    try:
        read(bundle, "scenes/shot.blend")
    except UnreadableSceneError as error:
        assert "scenes/shot.blend" in error.reason  # noqa: PT017  # either outcome is allowed


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a scene",
        b"BLENDER",
        b"BLENDER-v405",
        b"BLENDER-vXYZ" + bytes(100),
        b"BLENDER17-01v0500" + bytes(64),
        b"BLENDER-v405" + b"DATA" + bytes([255] * 20),
        b"BLENDER-v405" + b"DNA1" + bytes(20),
        b"\x1f\x8b" + bytes(30),
        b"\x28\xb5\x2f\xfd" + bytes(30),
        b"\x28\xb5\x2f\xfd",
    ],
)
def test_what_is_no_blender_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.blend").write_bytes(content)
    with pytest.raises(UnreadableSceneError, match=r"a\.blend"):
        read(tmp_path, "a.blend")


HANG = "while True: pass"
CRASH = "import os; os.abort()"
GREEDY = "import sys; sys.stdout.write('x' * 10**8)"


@pytest.mark.parametrize(
    ("program", "seconds", "reason"),
    [
        (HANG, 1, "takes longer than 1 s"),
        (CRASH, 60, "ended with code"),
        (GREEDY, 60, "says more"),
    ],
)
def test_a_reader_that_does_not_end_well_is_killed(
    tmp_path: Path, program: str, seconds: int, reason: str
) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text(program)
    limits = ProcessLimits(seconds=seconds, memory=2**31, size=2**20)
    with pytest.raises(UnreadableSceneError, match=reason):
        asyncio.run(ProbeReader(Probe(limits, BWRAP, probe), ()).read(tmp_path, "a.blend"))


HOLD = """
import fcntl, sys, time
held = open(sys.argv[1] + "/lock", "w")
fcntl.flock(held, fcntl.LOCK_EX)
held.write("held")
held.flush()
time.sleep(1000)
"""


async def test_a_reader_dies_with_who_asked(tmp_path: Path) -> None:
    probe, lock = tmp_path / "probe.py", tmp_path / "lock"
    probe.write_text(HOLD)
    lock.touch()
    reading = asyncio.create_task(
        ProbeReader(Probe(LIMITS, BWRAP, probe), ()).read(tmp_path, "a.blend")
    )
    async with asyncio.timeout(100):
        while not lock.stat().st_size:  # noqa: ASYNC110  # another process sets it
            await asyncio.sleep(0.02)
    reading.cancel()
    await asyncio.wait({reading})
    with lock.open() as held:
        async with asyncio.timeout(100):  # a process that dies closes one file after the other
            while not _locked(held):  # noqa: ASYNC110  # another process sets it
                await asyncio.sleep(0.02)


def _locked(file: TextIO) -> bool:
    """Tell whether `file` could be locked, as it cannot while the reader lives."""
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


PRY = """
import json, os, socket
def can(act):
    try:
        act()
        return True
    except OSError:
        return False
def connect():
    socket.create_connection(("127.0.0.1", PORT), 1).close()
seen = [os.path.exists(p) for p in ("/etc/passwd", "/root", "/home", SECRET)]
info = {"files": any(seen), "network": can(connect), "environment": sorted(os.environ)}
print(json.dumps({"scene_info": info, "uses": []}))
"""


@pytest.mark.skipif(BWRAP is None, reason="bubblewrap is not installed or not allowed here")
def test_the_sandbox_shows_no_files_no_network_no_environment(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a password")
    folder = tmp_path / "bundle"
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        probe = tmp_path / "probe.py"
        probe.write_text(PRY.replace("PORT", str(port)).replace("SECRET", repr(str(secret))))
        info = asyncio.run(
            ProbeReader(Probe(LIMITS, BWRAP, probe), ()).read(folder, "a")
        ).scene_info
    assert info["network"] is False
    assert info["files"] is ("/root" in sys.base_prefix)  # Python itself may live below a home
    assert set(info["environment"]) <= {"PWD", "LC_CTYPE"}  # type: ignore[call-overload]  # a list

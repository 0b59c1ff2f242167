"""Looking into a 200 MB .blend, against the Asset Tracer's own command that lists its files.

Both are whole processes, in turn on the same file: ours with its limits and its sandbox where
there is one, and it reads the settings too.
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from lightmill.analyzer.adapters import sandbox
from lightmill.analyzer.adapters.probe import Probe, ProcessLimits
from lightmill.analyzer.adapters.probe_reader import BLEND, ProbeReader
from lightmill.testing.blender import installed_python

PAIRS = 15
_IMAGES = 20
SIZE = 200 * 2**20
_MAKE = """
import sys
import bpy
import numpy

target, size = sys.argv[1], int(sys.argv[2])
bpy.ops.wm.read_factory_settings()
for number in range(20):
    image = bpy.data.images.new(f"image {number}", 4, 4)
    image.use_fake_user, image.source = True, "FILE"
    image.filepath = f"//textures/image_{number}.png"
for number in range(10):
    mesh = bpy.data.meshes.new("many")
    mesh.vertices.add(size // 10 // 12)
    mesh.vertices.foreach_set("co", numpy.random.rand(3 * len(mesh.vertices)).astype("f"))
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("many", mesh))
bpy.ops.wm.save_as_mainfile(filepath=target, compress=False)
"""


def run() -> dict[str, object]:
    """Return the figures."""
    python = installed_python()
    if python is None:
        sys.exit("no Blender engine is installed; run: make engine")
    with tempfile.TemporaryDirectory(prefix="lightmill-bench-") as folder:
        scene = Path(folder) / "bundle/scene.blend"
        scene.parent.mkdir()
        (Path(folder) / "make.py").write_text(_MAKE)
        command = [str(python), f"{folder}/make.py", str(scene), str(SIZE)]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own script
        size = scene.stat().st_size
        ours, theirs = _measured(scene)
    over = median(one / other for one, other in zip(ours, theirs, strict=True))
    print(f"{size / 2**20:.0f} MiB: {median(ours):.3f} s, the Asset Tracer {median(theirs):.3f} s")
    return {
        "over_bat": round(over, 3),
        "ours_s": round(median(ours), 4),
        "bat_s": round(median(theirs), 4),
        "megabytes": round(size / 2**20, 1),
        "pairs": PAIRS,
    }


def _measured(scene: Path) -> tuple[list[float], list[float]]:
    limits = ProcessLimits(seconds=120, memory=4 * 2**30, size=8 * 2**30)
    reader = ProbeReader(Probe(limits, sandbox.bubblewrap(), BLEND), ())
    bat = shutil.which("bat", path=str(Path(sys.executable).parent))
    if bat is None:
        sys.exit("the command `bat` of blender-asset-tracer is not installed")

    def look() -> None:
        found = asyncio.run(reader.read(scene.parent, scene.name))
        assert len(found.uses) == _IMAGES, found.uses  # noqa: S101  # else there is nothing to compare

    def listed() -> None:
        subprocess.run([bat, "list", str(scene)], check=True, capture_output=True)  # noqa: S603  # installed beside us

    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(PAIRS):
        for work, measured in zip((look, listed), times, strict=True):
            measured.append(_timed(work))
    return times


def _timed(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began

"""100 cheap frames on one node with an open engine, against processes for each and for ten frames.

The frames of the first scene take about 12 ms when it is open, so what is measured is everything
but rendering. Farm: from the submission on a running, idle farm, whose engine is not open yet, to
the last result committed. Processes: one after the other, from the start of the first to the end
of the last. The second scene's frames take about 0.3 s: the farm against one open process, both
from their first frame to their last. Every frame is compared with that of a process of its own.
"""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from lightmill.client import Farm
from lightmill.local.blender import Blender, Picture, installed_blender
from lightmill.local.config import LocalSettings
from lightmill.local.driving import drive
from lightmill.local.farm import LocalFarm

FRAMES, CHUNK = 100, 10
LONG_FRAMES, LONG_S, PAIRS = 30, 0.3, 3
_CHEAP = Picture(width=32, height=18, samples=1, frames=FRAMES)
_PROBE = Picture(width=240, height=135, samples=16, frames=4)
_LOOK_S = 1.0
"""Seldom: whoever looks takes time from a farm that lives in the same process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cheap:
    """Seconds for the hundred cheap frames, how many are identical, and where they went.

    Attributes:
        opening: Of `farm`, until the first result is committed: the engine's start, mostly.
        rendering: Of `farm`, in which the engine rendered the other frames.
    """

    farm: float
    opening: float
    rendering: float
    again: float
    each: float
    chunks: float
    identical: int
    opened: int


def run() -> dict[str, object]:
    """Return the figures."""
    blender = installed_blender()
    if blender is None:
        raise SystemExit("no Blender: `lightmill-node engines install blender`")
    load = round(os.getloadavg()[0], 2)
    with tempfile.TemporaryDirectory(prefix="lightmill-bench-") as name:
        folder = Path(name)
        cheap_scene, _ = blender.make_scene(folder / "cheap", _CHEAP)
        long_scene, _ = blender.make_scene(folder / "long", _third_of_a_second(blender, folder))
        settings = LocalSettings(data=folder / "farm", nodes=1, cores=1, port=0)

        def program(running: LocalFarm) -> tuple[Cheap, list[tuple[float, float]]]:
            cheap = _cheap(running, blender, cheap_scene, folder)
            return cheap, list(_pairs(running, blender, long_scene, folder))

        cheap, pairs = drive(settings, program)
    return _figures(cheap, pairs) | {"load_before": load, "versions": {"blender": blender.version}}


def _third_of_a_second(blender: Blender, folder: Path) -> Picture:
    """Return a picture whose frames take about 0.3 s on one core of this machine."""
    scene, _ = blender.make_scene(folder / "probe", _PROBE)
    blender.render(scene, folder / "probed", _PROBE.frames, threads=1)
    frame = _from_first_to_last(folder / "probed") / (_PROBE.frames - 1)
    samples = max(1, round(_PROBE.samples * LONG_S / frame))
    return Picture(width=_PROBE.width, height=_PROBE.height, samples=samples, frames=LONG_FRAMES)


def _cheap(running: LocalFarm, blender: Blender, scene: Path, folder: Path) -> Cheap:
    with Farm(running.url, running.token) as farm:
        bundle_id = farm.upload_folder(scene.parent).bundle_id
        job_id, opening, seconds = _job(farm, bundle_id, scene.name, FRAMES)
        results = sorted(farm.results(job_id), key=lambda result: result.created_at)
        images = farm.download(job_id, folder / "images")
        opened = _opened(running.data)
        _, _, again = _job(farm, bundle_id, scene.name, FRAMES)
    each = sum(_process(blender, scene, folder / "each", number, number) for number in _frames())
    starts = range(1, FRAMES + 1, CHUNK)
    chunks = sum(
        _process(blender, scene, folder / "chunks", start, start + CHUNK - 1) for start in starts
    )
    same = sum(_same(image, folder / "each" / image.name) for image in images)
    print(
        f"farm {seconds:.2f} s (again {again:.2f} s), {FRAMES} processes {each:.2f} s, "
        f"{len(starts)} processes {chunks:.2f} s"
    )
    return Cheap(
        farm=seconds,
        opening=opening,
        rendering=sum(result.seconds for result in results[1:]),
        again=again,
        each=each,
        chunks=chunks,
        identical=same,
        opened=opened,
    )


def _frames() -> range:
    return range(1, FRAMES + 1)


def _job(farm: Farm, bundle_id: str, scene: str, frames: int) -> tuple[str, float, float]:
    """Return a job that is done, and seconds from its submission to its first and last result."""
    began = datetime.now(UTC)  # noqa: TID251  # a clock on the wall, as the results have
    job_id = farm.submit(name="sticky", bundle_id=bundle_id, scene=scene, frames=f"1-{frames}")
    farm.wait(job_id, step=_LOOK_S)
    moments = [(result.created_at - began).total_seconds() for result in farm.results(job_id)]
    return job_id, min(moments), max(moments)


def _opened(data: Path) -> int:
    """Return how often an engine opened the scene, by the logs of the attempts."""
    logs = [path.read_text(errors="replace") for path in data.rglob("log.txt")]
    return sum(log.count("Read blend:") for log in logs)


def _process(blender: Blender, scene: Path, folder: Path, first: int, last: int) -> float:
    began = time.monotonic()
    blender.render_part(scene, folder, first, last, threads=1)
    return time.monotonic() - began


def _same(one: Path, other: Path) -> bool:
    with Image.open(one) as left, Image.open(other) as right:
        return bool(np.array_equal(np.asarray(left), np.asarray(right)))


def _pairs(
    running: LocalFarm, blender: Blender, scene: Path, folder: Path
) -> Iterator[tuple[float, float]]:
    """Yield seconds from the first frame to the last: farm, open process."""
    with Farm(running.url, running.token) as farm:
        bundle_id = farm.upload_folder(scene.parent).bundle_id
        for number in range(PAIRS):
            job_id, _, _ = _job(farm, bundle_id, scene.name, LONG_FRAMES)
            results = sorted(farm.results(job_id), key=lambda result: result.created_at)
            on_farm = (results[-1].created_at - results[0].created_at).total_seconds()
            alone = folder / f"alone-{number}"
            blender.render(scene, alone, LONG_FRAMES, threads=1)
            plain = _from_first_to_last(alone)
            print(f"open scene: farm {on_farm:.2f} s, process {plain:.2f} s")
            yield on_farm, plain


def _from_first_to_last(folder: Path) -> float:
    written = sorted(path.stat().st_mtime_ns for path in folder.glob("*.png"))
    return (written[-1] - written[0]) / 1e9


def _figures(cheap: Cheap, pairs: Sequence[tuple[float, float]]) -> dict[str, object]:
    gap = median(farm - plain for farm, plain in pairs) / (LONG_FRAMES - 1)
    return {
        "faster_than_process_per_frame": round(cheap.each / cheap.farm, 2),
        "faster_than_chunks_of_10": round(cheap.chunks / cheap.farm, 2),
        "over_open_process": round(median(farm / plain for farm, plain in pairs), 4),
        "gap_ms": round(gap * 1000, 2),
        "identical": cheap.identical,
        "to_a_node_that_holds_the_scene": round(1 - cheap.opened / FRAMES, 3),
        "farm_s": round(cheap.farm, 3),
        "farm_opening_s": round(cheap.opening, 3),
        "farm_rendering_s": round(cheap.rendering, 3),
        "farm_rest_s": round(cheap.farm - cheap.opening - cheap.rendering, 3),
        "farm_open_s": round(cheap.again, 3),
        "processes_s": round(cheap.each, 3),
        "chunks_s": round(cheap.chunks, 3),
    }

"""48 frames of about 0.5 s on a farm, against one Blender process: what the farm costs.

One thread on both sides, embedded parts, one node. Farm: from the submission on a running, idle
farm to the last result committed. Blender: from the start of its process to its last file.
Median of five interleaved pairs.
"""

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

from lightmill.client import Farm
from lightmill.client.models import Result
from lightmill.local.blender import Blender, Picture, installed_blender
from lightmill.local.config import LocalSettings
from lightmill.local.driving import drive
from lightmill.local.farm import LocalFarm

FRAMES = 48
FRAME_S = 0.5
PAIRS = 5
_PROBE = Picture(width=240, height=135, samples=32, frames=5)
_LOOK_S = 0.02
_BUSY = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run on the farm; all in seconds.

    Attributes:
        total: Submission to the last result committed, as the client sees it.
        accept: The submission call.
        start: End of that call to the first result, without the rendering of its frame.
        rendering: Sum of what the engine took for the frames.
        gaps: Between a result and the next, without the rendering of that.
        end: Last result committed until the client saw it.
    """

    total: float
    accept: float
    start: float
    rendering: float
    gaps: float
    end: float


def run() -> dict[str, object]:
    """Return the figures."""
    blender = installed_blender()
    if blender is None:
        raise SystemExit("no Blender: `lightmill-node engines install blender`, or `make demo`")
    quiet = _load()
    with tempfile.TemporaryDirectory(prefix="lightmill-bench-") as folder:
        root = Path(folder)
        picture = _half_a_second(blender, root / "probe")
        scene, _ = blender.make_scene(root / "made", picture)
        settings = LocalSettings(data=root / "farm", nodes=1, cores=1, port=0)
        pairs = drive(settings, lambda farm: _pairs(farm, blender, scene, root / "alone"))
    return _figures(pairs) | {
        "samples": picture.samples,
        "load_before": quiet,
        "versions": {"blender": blender.version},
    }


def _half_a_second(blender: Blender, folder: Path) -> Picture:
    """Return a picture whose frames take about half a second on one core of this machine."""
    scene, _ = blender.make_scene(folder, _PROBE)
    blender.render(scene, folder / "images", _PROBE.frames, threads=1)
    written = sorted(path.stat().st_mtime_ns for path in (folder / "images").glob("*.png"))
    frame = (written[-1] - written[0]) / 1e9 / (len(written) - 1)
    samples = max(1, round(_PROBE.samples * FRAME_S / frame))
    print(f"a frame of {_PROBE.samples} samples takes {frame:.3f} s; {samples} samples are used")
    return Picture(width=_PROBE.width, height=_PROBE.height, samples=samples, frames=FRAMES)


def _pairs(
    running: LocalFarm, blender: Blender, scene: Path, alone: Path
) -> list[tuple[Run, float]]:
    pairs = []
    with Farm(running.url, running.token) as farm:
        bundle_id = farm.upload_folder(scene.parent).bundle_id
        for number in range(PAIRS):
            if number % 2:
                plain = blender.render(scene, alone, FRAMES, threads=1)
                on_farm = _farm_run(farm, bundle_id, scene.name)
            else:
                on_farm = _farm_run(farm, bundle_id, scene.name)
                plain = blender.render(scene, alone, FRAMES, threads=1)
            print(
                f"pair {number + 1}: farm {on_farm.total:6.2f} s, Blender {plain:6.2f} s, "
                f"ratio {on_farm.total / plain:.3f}"
            )
            pairs.append((on_farm, plain))
    return pairs


def _farm_run(farm: Farm, bundle_id: str, scene: str) -> Run:
    began, moment = time.monotonic(), datetime.now(UTC)  # noqa: TID251  # a clock on the wall
    job_id = farm.submit(name="overhead", bundle_id=bundle_id, scene=scene, frames=f"1-{FRAMES}")
    accepted = time.monotonic() - began
    farm.wait(job_id, step=_LOOK_S)
    total = time.monotonic() - began
    return _dissected(farm.results(job_id), moment, accepted, total)


def _dissected(results: Sequence[Result], began: datetime, accepted: float, total: float) -> Run:
    ordered = sorted(results, key=lambda result: result.created_at)
    first, last = ordered[0], ordered[-1]
    return Run(
        total=total,
        accept=accepted,
        start=(first.created_at - began).total_seconds() - accepted - first.seconds,
        rendering=sum(result.seconds for result in ordered),
        gaps=sum(
            (after.created_at - before.created_at).total_seconds() - after.seconds
            for before, after in pairwise(ordered)
        ),
        end=total - (last.created_at - began).total_seconds(),
    )


def _figures(pairs: Sequence[tuple[Run, float]]) -> dict[str, object]:
    runs = [on_farm for on_farm, _ in pairs]
    shares = ("accept", "start", "rendering", "gaps", "end")
    parts = {name: median(getattr(run, name) for run in runs) for name in shares}
    print("where the time of the farm goes (medians):")
    for name, seconds in parts.items():
        print(f"  {name:10} {seconds:8.3f} s")
    print(f"  one Blender process {median(plain for _, plain in pairs):8.3f} s")
    return {
        "ratio": round(median(on_farm.total / plain for on_farm, plain in pairs), 4),
        "gap_ms": round(median(run.gaps for run in runs) * 1000 / (FRAMES - 1), 2),
        "farm_s": round(median(run.total for run in runs), 3),
        "blender_s": round(median(plain for _, plain in pairs), 3),
        "ratios": [round(on_farm.total / plain, 4) for on_farm, plain in pairs],
        **{f"{name}_s": round(seconds, 4) for name, seconds in parts.items()},
    }


def _load() -> float:
    load = os.getloadavg()[0]
    if load > _BUSY:
        print(f"the machine is busy (load {load:.1f}): read the figures with care")
    return round(load, 2)

"""What bubblewrap costs an engine: per start and per frame, against one without walls.

The simulated engine, which takes no time of its own: started, asked for frames, closed; in turns.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median

from lightmill.domain.job import Work
from lightmill.domain.resources import GIB
from lightmill.render_node.engines.renderers import InstalledRenderers
from lightmill.render_node.engines.sandbox import Bubblewrap, Sandbox, Unconfined
from lightmill.render_node.ports import Launch

ROUNDS, FRAMES = 20, 50
_WORK = Work(engine="simulated", settings={"seconds": 0})


def run() -> dict[str, object]:
    """Return the figures."""
    walled = Bubblewrap()
    if not walled.works():
        raise SystemExit("bubblewrap does not work here")
    times = asyncio.run(_times({"with": walled, "without": Unconfined("none")}))
    starts = {name: median(start for start, _ in found) * 1000 for name, found in times.items()}
    frames = {name: median(frame for _, frame in found) * 1000 for name, found in times.items()}
    return {
        "per_start_ms": round(starts["with"] - starts["without"], 2),
        "per_frame_ms": round(frames["with"] - frames["without"], 3),
        "start_with_ms": round(starts["with"], 2),
        "start_without_ms": round(starts["without"], 2),
        "frame_with_ms": round(frames["with"], 3),
        "frame_without_ms": round(frames["without"], 3),
    }


async def _times(sandboxes: dict[str, Sandbox]) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in sandboxes}
    for _ in range(ROUNDS):
        for name, sandbox in sandboxes.items():
            with tempfile.TemporaryDirectory(prefix="lightmill-bench-") as folder:
                found[name].append(await _once(Path(folder), sandbox))
    return found


async def _once(folder: Path, sandbox: Sandbox) -> tuple[float, float]:
    """Return seconds until the first frame is there, and for each of those after it."""
    renderers = InstalledRenderers(folder, sandbox, enable_simulated=True, engines=[])
    launch = Launch(
        step_id="bench",
        work=_WORK,
        project=folder,
        scratch=folder,
        cores=1,
        ram=GIB,
        gpus=(),
        log=folder / "log.txt",
    )
    began = time.monotonic()
    renderer = await renderers.open(launch)
    await renderer.render(0, folder / "0.png", _heedless)
    first = time.monotonic()
    for frame in range(1, FRAMES + 1):
        await renderer.render(frame, folder / f"{frame}.png", _heedless)
    last = time.monotonic()
    await renderer.close()
    return first - began, (last - first) / FRAMES


def _heedless(share: float) -> None:
    del share

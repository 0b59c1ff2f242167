"""Handing in an unchanged folder of 10,000 files again, against the first time.

Every presence is asked of the object store anew; only the hashes of files that have not changed
are remembered. On MySQL and SeaweedFS: the folder once, then five times again.
"""

import os
import tempfile
import time
from pathlib import Path
from statistics import median

from lightmill.client import Farm
from lightmill.testing.processes import ProcessFarm, process_farm, servers

FILES, SIZE = 10_000, 4 * 2**10
AGAIN = 5
_FOLDERS = 100
_SETTLE_S = 2.5  # younger files than that are not remembered


def run() -> dict[str, object]:
    """Return the figures."""
    with (
        tempfile.TemporaryDirectory(prefix="lightmill-bench-") as folder,
        servers() as on,
        process_farm(on, Path(folder)) as farm,
    ):
        farm.await_api(farm.start("api", "api"))
        first, *again = _seconds(farm, Path(folder))
    ratios = sorted(one / first for one in again)
    return {
        "second_over_first": round(median(ratios), 4),
        "min_max": [round(ratios[0], 4), round(ratios[-1], 4)],
        "first_s": round(first, 2),
        "second_s": round(median(again), 3),
        "load_before": os.getloadavg()[0],
    }


def _seconds(farm: ProcessFarm, folder: Path) -> list[float]:
    """Return the seconds of the first time and of the others."""
    tree = folder / "tree"
    for one in range(FILES):
        place = tree / f"textures{one % _FOLDERS}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{one:05}.png").write_bytes(os.urandom(SIZE))
    time.sleep(_SETTLE_S)
    seconds = []
    for sent in (FILES, *[0] * AGAIN):
        with Farm(farm.url, farm.token, cache=folder / "cache") as client:
            began = time.perf_counter()
            bundle = client.upload_folder(tree)
            seconds.append(time.perf_counter() - began)
        if bundle.uploaded != sent:
            raise RuntimeError(f"{bundle.uploaded} files were sent, not {sent}")
        print(f"{sent} files sent: {seconds[-1]:.2f} s")
    return seconds

"""Handing in an unchanged folder of 10,000 files again, against the first time.

Every presence is asked of the object store anew; only the hashes of files that have not changed
are remembered. On MySQL and SeaweedFS, five different folders in turn.
"""

import os
import tempfile
import time
from pathlib import Path
from statistics import median

from lightmill.client import Farm
from lightmill.testing.processes import ProcessFarm, process_farm, servers

FILES, SIZE = 10_000, 4 * 2**10
ROUNDS = 5
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
        rounds = [_round(farm, Path(folder), number) for number in range(ROUNDS)]
    ratios = sorted(again / first for first, again in rounds)
    return {
        "second_over_first": round(median(ratios), 4),
        "min_max": [round(ratios[0], 4), round(ratios[-1], 4)],
        "first_s": round(median(first for first, _ in rounds), 2),
        "second_s": round(median(again for _, again in rounds), 3),
        "load_before": os.getloadavg()[0],
    }


def _round(farm: ProcessFarm, folder: Path, number: int) -> tuple[float, float]:
    """Return the seconds of the first time and of the second."""
    tree = folder / f"tree-{number}"
    for one in range(FILES):
        place = tree / f"textures{one % _FOLDERS}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{one:05}.png").write_bytes(os.urandom(SIZE))
    time.sleep(_SETTLE_S)
    seconds = []
    for sent in (FILES, 0):
        with Farm(farm.url, farm.token, cache=folder / "cache") as client:
            began = time.perf_counter()
            bundle = client.upload_folder(tree)
            seconds.append(time.perf_counter() - began)
        if bundle.uploaded != sent:
            raise RuntimeError(f"{bundle.uploaded} files were sent, not {sent}")
    print(f"first {seconds[0]:.1f} s, again {seconds[1]:.2f} s")
    return seconds[0], seconds[1]

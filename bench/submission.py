"""Accepting a job of a million frames, against a job of one: waiting work is a range.

Both are posted to a farm without nodes, in turn; the time is that of the HTTP call.
"""

import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from lightmill.client import Farm
from lightmill.local.config import LocalSettings
from lightmill.local.driving import drive
from lightmill.local.farm import LocalFarm

CALLS = 50
_WARM = 5
_ONE, _MILLION = "1", "1-1000000"


def run() -> dict[str, object]:
    """Return the figures."""
    with tempfile.TemporaryDirectory(prefix="lightmill-bench-") as folder:
        settings = LocalSettings(data=Path(folder), nodes=0, port=0, simulated=True)
        times = drive(settings, _measure)
    one, million = median(times[_ONE]), median(times[_MILLION])
    print(f"one frame {one * 1000:.2f} ms, a million {million * 1000:.2f} ms")
    return {
        "million_over_one": round(million / one, 3),
        "one_ms": round(one * 1000, 3),
        "million_ms": round(million * 1000, 3),
        "million_p99_ms": round(quantiles(times[_MILLION], n=100)[-1] * 1000, 3),
        "calls": CALLS,
    }


def _measure(running: LocalFarm) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {_ONE: [], _MILLION: []}
    with Farm(running.url, running.token) as farm:
        for number in range(_WARM + CALLS):
            for frames, measured in times.items():
                began = time.monotonic()
                farm.submit(name=f"{frames} {number}", engine="simulated", frames=frames)
                if number >= _WARM:
                    measured.append(time.monotonic() - began)
    return times

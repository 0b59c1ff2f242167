"""What the machine's sensors and its people say."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from lightmill.render_node.core.hindrances import Conditions
from lightmill.runtime.clock import Clock

_PAUSED = "paused"
_HINDRANCES = "hindrances"


class Machine:
    """This machine.

    Args:
        folder: The node's state folder.
        clock: For its hours.
        count_others: Whether to measure what others use of the processors.
    """

    def __init__(self, folder: Path, clock: Clock, *, count_others: bool = False) -> None:
        self._folder = folder
        self._clock = clock
        self._others = OthersShare() if count_others else None
        (folder / _HINDRANCES).unlink(missing_ok=True)

    def look(self) -> Conditions:
        """Return what it is like just now."""
        return Conditions(
            at=self._clock.now().astimezone(),
            paused=paused(self._folder),
            free_disk=shutil.disk_usage(self._folder).free,
            hottest=hottest(_temperatures()),
            others=self._others() if self._others else None,
        )

    def tell(self, hindrances: tuple[str, ...]) -> None:
        """Leave word in the state folder."""
        (self._folder / _HINDRANCES).write_text("\n".join(hindrances), "utf-8")


class OthersShare:
    """The share of the processors that was not the node's or its engines' since the last look."""

    def __init__(self) -> None:
        self._before = self._spent()

    def __call__(self) -> float:
        """Return it, 0 to 1; seconds have to lie between two looks for it to mean anything."""
        before, now = self._before, self._spent()
        self._before = now
        whole, busy, own = (late - early for late, early in zip(now, before, strict=True))
        return min(1.0, max(0.0, busy - own) / whole) if whole > 0 else 0.0

    def _spent(self) -> tuple[float, float, float]:
        """Return the seconds of all processors: passed, busy, and the node's own."""
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        whole = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        here = psutil.Process(os.getpid())
        own = 0.0
        for process in (here, *here.children(recursive=True)):
            try:
                own += sum(process.cpu_times()[:4])
            except psutil.Error:
                continue
        return whole, whole - idle, own


def hottest(temperatures: Mapping[str, list[Any]]) -> float | None:
    """Return the highest of psutil's temperatures, degrees Celsius; None where there is none."""
    found = [one.current for group in temperatures.values() for one in group]
    return max((degrees for degrees in found if degrees), default=None)


def _temperatures() -> Mapping[str, list[Any]]:
    read = getattr(psutil, "sensors_temperatures", None)
    return read() if read else {}


def pause(folder: Path, why: str) -> None:
    """Let the node on that folder take no work, over restarts too, until `resume`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / _PAUSED).write_text(why.strip(), "utf-8")


def resume(folder: Path) -> None:
    """Let the node on that folder take work again."""
    (folder / _PAUSED).unlink(missing_ok=True)


def paused(folder: Path) -> str | None:
    """Return what was said when the node was paused, or None when it is not."""
    return _text(folder / _PAUSED)


def told(folder: Path) -> list[str]:
    """Return why the node that runs on that folder takes no work."""
    return (_text(folder / _HINDRANCES) or "").splitlines()


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None

"""What the machine has."""

import os
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")
_RAM_STEP = 64 * 2**20


def cores(cgroup: Path = _CGROUP) -> int:
    """Return the processors that this process may use: by affinity, and by the cgroup's quota."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    found = allowed or psutil.cpu_count() or 1
    quota = _words(cgroup / "cpu.max")
    if len(quota) == 2 and quota[0] != "max":  # noqa: PLR2004  # quota and period
        found = min(found, max(1, int(quota[0]) // int(quota[1])))
    return found


def ram(cgroup: Path = _CGROUP) -> int:
    """Return the bytes of memory that this process may use, in whole steps of 64 MiB.

    Two machines of one make differ by some pages; told exactly, they would be two kinds of
    machine to the scheduler.
    """
    total = psutil.virtual_memory().total
    limit = _words(cgroup / "memory.max")
    found = min(total, int(limit[0])) if limit and limit[0] != "max" else total
    return max(_RAM_STEP, found // _RAM_STEP * _RAM_STEP)


def _words(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").split()
    except OSError:
        return []

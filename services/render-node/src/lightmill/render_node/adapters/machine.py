"""What the machine has."""

import os
import shutil
import subprocess
from pathlib import Path

import psutil

from lightmill.domain.resources import Gpu

_CGROUP = Path("/sys/fs/cgroup")
_MIB = 2**20
_QUERY = ("--query-gpu=index,name,memory.total", "--format=csv,noheader,nounits")
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


def gpus() -> tuple[Gpu, ...]:
    """Return the graphics devices that NVIDIA's driver knows; none where there is no driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        found = subprocess.run(  # noqa: S603  # a fixed command
            [program, *_QUERY], capture_output=True, check=True, text=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return gpus_from(found.stdout)


def gpus_from(listing: str) -> tuple[Gpu, ...]:
    """Return the devices in a listing of `nvidia-smi`: index, name, MiB."""
    rows = [[cell.strip() for cell in line.split(",")] for line in listing.splitlines()]
    return tuple(
        Gpu(index=int(row[0]), name=row[1], vendor="nvidia", vram=int(row[2]) * _MIB)
        for row in rows
        if len(row) == 3 and row[0].isdigit() and row[2].isdigit()  # noqa: PLR2004  # columns
    )


def _words(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").split()
    except OSError:
        return []

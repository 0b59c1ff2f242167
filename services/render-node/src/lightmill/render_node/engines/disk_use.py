"""How much of the disk a folder holds."""

import os
from collections.abc import Iterator
from pathlib import Path

_MOST_FILES = 20_000


def used(folder: Path, *, most_files: int = _MOST_FILES) -> float:
    """Return the bytes of disk below a folder; infinite where it has more files than that."""
    total = 0
    for number, size in enumerate(_sizes(folder)):
        if number >= most_files:
            return float("inf")
        total += size
    return total


def _sizes(folder: Path) -> Iterator[int]:
    """Yield what each entry takes up, nothing for one that goes meanwhile."""
    waiting = [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    yield entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:
            continue

"""Hashes of files that have not changed since they were taken.

What the farm *has* is never remembered, it is asked each time; this saves reading a file again.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from os import stat_result
from pathlib import Path

_RACE_NS = 2_000_000_000
"""A file that changed so shortly before it was read may change again without showing it: some
file systems count its times in seconds."""
_TABLE = (
    "CREATE TABLE IF NOT EXISTS hashes (path TEXT PRIMARY KEY, size INTEGER, changed INTEGER,"
    " renamed INTEGER, inode INTEGER, blake3 TEXT) WITHOUT ROWID"
)


@dataclass(frozen=True, slots=True)
class Taken:
    """The hash of a file, with what showed its state just before it was read."""

    path: str
    status: stat_result
    blake3: str


Row = tuple[str, int, int, int, int, str]
"""Path, bytes, times of change of content and of inode in nanoseconds, inode, BLAKE3: a file
of which one of these is another has changed."""


class KnownHashes:
    """A file of hashes; one that cannot be used is done without.

    Args:
        file: Where they are kept; made with its folder when it is not there.
        now: Tells the time that file systems write down, in nanoseconds.
    """

    def __init__(self, file: Path, now: Callable[[], int] = time.time_ns) -> None:
        self._file = file
        self.now = now

    def below(self, root: str) -> Mapping[str, Row]:
        """Return what is known of the file `root`, or of those below the folder `root`."""
        query = (
            "SELECT * FROM hashes WHERE path = ?"
            " UNION ALL SELECT * FROM hashes WHERE path > ? AND path < ?"
        )
        folder = root.rstrip("/")
        try:
            with closing(self._open()) as kept:
                rows = kept.execute(query, (root, f"{folder}/", f"{folder}0")).fetchall()
        except (sqlite3.Error, OSError, UnicodeEncodeError):
            return {}
        return {row[0]: row for row in rows}

    def remember(self, taken: Iterable[Taken], began: int) -> None:
        """Keep these hashes, but for those of files that had changed a moment before.

        Args:
            taken: Hashes of files.
            began: When the first of them was taken, by `now`.
        """
        rows = [
            (one.path, *_shown(one.status), one.blake3)
            for one in taken
            if began - max(one.status.st_mtime_ns, one.status.st_ctime_ns) > _RACE_NS
        ]
        if not rows:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._keep(rows)
        except (sqlite3.OperationalError, OSError, UnicodeEncodeError):
            return  # in use for long, or not to be written to
        except sqlite3.DatabaseError:  # damaged, or no database at all
            self._file.unlink(missing_ok=True)

    def _keep(self, rows: Sequence[tuple[str | int, ...]]) -> None:
        with closing(self._open()) as kept, kept:
            kept.execute(_TABLE)
            kept.executemany("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?, ?)", rows)

    def _open(self) -> sqlite3.Connection:
        kept = sqlite3.connect(self._file, timeout=5)
        kept.execute("PRAGMA synchronous = OFF")  # a hash that is lost is taken again
        return kept


def _shown(status: stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino

"""What remote services were asked for, in the node's journal file."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from lightmill.render_node.ports import Submission
from lightmill.runtime.clock import Clock

_KEPT_SECONDS = 7 * 86400
_TABLE = """
CREATE TABLE IF NOT EXISTS submissions (
    frame_key TEXT PRIMARY KEY, number INTEGER NOT NULL, remote_id TEXT, touched REAL NOT NULL
)
"""
_INSERT = "INSERT OR IGNORE INTO submissions VALUES (?, 0, NULL, ?)"
_SELECT = "SELECT number, remote_id FROM submissions WHERE frame_key = ?"


class JournalSubmissions:
    """Submissions in a SQLite file that others may have open too; see `ports.Submissions`."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._turn = threading.Lock()

    def intended(self, frame_key: str) -> Submission:
        """Return the submission for a frame: the one that was made, or a new one."""
        now = self._clock.now().timestamp()
        with self._changing() as connection:
            connection.execute("DELETE FROM submissions WHERE touched < ?", (now - _KEPT_SECONDS,))
            connection.execute(_INSERT, (frame_key, now))
            number, remote_id = connection.execute(_SELECT, (frame_key,)).fetchone()
        return Submission(key=f"{frame_key}/{number}", remote_id=remote_id)

    def accepted(self, frame_key: str, remote_id: str) -> None:
        """Remember under which name the service renders the frame."""
        self._set("remote_id = ?", remote_id, frame_key)

    def given_up(self, frame_key: str) -> None:
        """Remember that nothing comes of it any more: the next one is a new submission."""
        self._set("number = number + 1, remote_id = ?", None, frame_key)

    def _set(self, change: str, remote_id: str | None, frame_key: str) -> None:
        now = self._clock.now().timestamp()
        with self._changing() as connection:
            connection.execute(
                f"UPDATE submissions SET {change}, touched = ? WHERE frame_key = ?",  # noqa: S608  # of the two above
                (remote_id, now, frame_key),
            )

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._turn, closing(sqlite3.connect(self._path, timeout=30.0)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                with connection:
                    connection.execute(_TABLE)
                    yield connection
        except sqlite3.Error as error:
            raise OSError(f"{self._path}: {error}") from error

"""The node's journal in a SQLite file."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import structlog

from lightmill.messages.node_report import Finish
from lightmill.render_node.ports import Kept

_log = structlog.get_logger(__name__)
_REFUSED_KEPT = 50_000
_TABLES = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS epoch (one INTEGER PRIMARY KEY CHECK (one = 1), seen INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS held (attempt_id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS finishes (attempt_id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refused (
    number INTEGER PRIMARY KEY AUTOINCREMENT, attempt_id TEXT NOT NULL UNIQUE
);
INSERT OR IGNORE INTO epoch VALUES (1, 0);
"""

Statement = tuple[str, Iterable[Sequence[object]]]


class SqliteJournal:
    """A journal whose every change is on the disk when the call returns.

    A change is one visit to one thread, however many statements it has; what comes while the disk
    is busy goes there together.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()
        self._next: list[Statement] = []

    async def kept(self) -> Kept:
        """Return what was remembered, and forget the attempts that were held."""
        kept = Kept(
            epoch=int((await self._column("SELECT seen FROM epoch"))[0]),
            finishes=tuple(
                map(Finish.model_validate_json, await self._column("SELECT body FROM finishes"))
            ),
            refused=tuple(await self._column("SELECT attempt_id FROM refused ORDER BY number")),
            abandoned=tuple(await self._column("SELECT attempt_id FROM held")),
        )
        await self._write([("DELETE FROM held", [()])])
        return kept

    async def obeyed(self, epoch: int, taken: Sequence[str], refused: Sequence[str]) -> None:
        """Remember the epoch, the attempts now held, and those to refuse."""
        forget = (
            "DELETE FROM refused WHERE number <= (SELECT max(number) FROM refused) - ? AND ? > 0"
        )
        await self._write(
            [
                ("UPDATE epoch SET seen = max(seen, ?)", [(epoch,)]),
                ("INSERT OR IGNORE INTO held VALUES (?)", _singles(taken)),
                ("INSERT OR IGNORE INTO refused (attempt_id) VALUES (?)", _singles(refused)),
                (forget, [(_REFUSED_KEPT, len(refused))]),
            ]
        )

    async def finished(self, finishes: Sequence[Finish]) -> None:
        """Remember these ends until they are settled."""
        rows = [(finish.attempt_id, finish.model_dump_json()) for finish in finishes]
        names = _singles(finish.attempt_id for finish in finishes)
        await self._write(
            [
                ("INSERT OR REPLACE INTO finishes VALUES (?, ?)", rows),
                ("DELETE FROM held WHERE attempt_id = ?", names),
            ]
        )

    async def settled(self, attempt_ids: Sequence[str]) -> None:
        """Forget these ends."""
        await self._write([("DELETE FROM finishes WHERE attempt_id = ?", _singles(attempt_ids))])

    async def _column(self, sql: str) -> list[str]:
        async with self._turn:
            return await asyncio.to_thread(_peeked, self._connection, sql)

    async def _write(self, statements: Sequence[Statement]) -> None:
        """Run everything in one transaction; a disk that fails is logged."""
        mine = self._next
        mine.extend(statements)
        async with self._turn:
            if mine is not self._next:
                return  # whoever had the turn before took these along, and they are written
            self._next = []
            writing = asyncio.ensure_future(asyncio.to_thread(self._commit, mine))
            try:
                await asyncio.shield(writing)
            finally:  # whoever waited may be cancelled: the connection is free only after this
                await asyncio.wait([writing])

    def _commit(self, statements: Sequence[Statement]) -> None:
        try:
            with self._connection:
                for sql, rows in statements:
                    self._connection.executemany(sql, rows)
        except sqlite3.Error as error:
            _log.error("journal not written", error=str(error))


def _singles(values: Iterable[str]) -> list[tuple[str]]:
    return [(value,) for value in values]


@asynccontextmanager
async def opened_journal(path: Path) -> AsyncIterator[SqliteJournal]:
    """Open the journal at `path`, made when it is not there.

    A file that is no database is put aside: losing the journal is harmless, refusing to start
    is not.
    """
    connection = await asyncio.to_thread(_connection, path)
    try:
        yield SqliteJournal(connection)
    finally:
        await asyncio.to_thread(connection.close)


def _connection(path: Path) -> sqlite3.Connection:
    try:
        return _prepared(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        _put_aside(path)
        return _prepared(path)


def _put_aside(path: Path) -> None:
    aside = path.with_suffix(".broken")
    _log.warning("journal is broken and put aside", path=str(path), aside=str(aside))
    path.replace(aside)
    for tail in ("-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)


def _prepared(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False)  # used in turn, by any thread
    try:
        connection.executescript(_TABLES)
    except BaseException:
        connection.close()
        raise
    return connection


def peek(path: Path) -> Kept:
    """Return what the journal at `path` remembers, and change nothing."""
    if not path.exists():
        return Kept()
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        return Kept(
            epoch=_peeked(connection, "SELECT seen FROM epoch")[0],
            finishes=tuple(
                Finish.model_validate_json(body)
                for body in _peeked(connection, "SELECT body FROM finishes")
            ),
            refused=tuple(_peeked(connection, "SELECT attempt_id FROM refused ORDER BY number")),
            abandoned=tuple(_peeked(connection, "SELECT attempt_id FROM held")),
        )


def _peeked(connection: sqlite3.Connection, sql: str) -> list[Any]:
    return [row[0] for row in connection.execute(sql)]

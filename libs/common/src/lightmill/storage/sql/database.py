"""Transactions on MySQL or SQLite, with the rules of each kept in one place.

SQLite has one writer: one connection, taken in turn, whose transactions begin IMMEDIATE, so that
what a transaction has read is still true when it writes. Reads go over other connections and
never wait (WAL). MySQL gives each transaction a connection of a pool, at READ COMMITTED.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Self

from sqlalchemy import URL, Connection, NullPool, event, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import await_only

from lightmill.storage.sql.document import CONVERSIONS
from lightmill.storage.sql.script import allow_scripts

_BUSY_MS = 30_000
_RECYCLE_S = 1800
_CONNECT_S = 5
_FRESH_S = 5.0
"""For which a connection of MySQL counts as alive without being asked. One that is not is met with
as one that ends in mid-transaction."""
_SILENT_S = 30
"""After which MySQL drops a connection that says nothing: the locks of a transaction whose process
is frozen or cut off would hold up the next leader for hours."""


class DatabaseUrlError(ValueError):
    """The URL names no database that Lightmill can use."""


class Database:
    """One database, open.

    Attributes:
        url: Where it is; printed without its password.
        dialect: `mysql` or `sqlite`.
        statements: Statements executed so far, for tests and metrics; BEGIN and COMMIT are none.
    """

    def __init__(self, url: URL, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self.url = url
        self.dialect = url.get_backend_name()
        self.statements = 0
        self._writer = writer
        self._reader = reader
        self._turn: AbstractAsyncContextManager[object] = (
            asyncio.Lock() if self.dialect == "sqlite" else nullcontext()
        )
        for engine in (writer, reader):
            event.listen(engine.sync_engine, "before_cursor_execute", self._count)

    @classmethod
    def open(
        cls, url: str, password: str | None = None, *, fresh_seconds: float = _FRESH_S
    ) -> Self:
        """Return the database at `url`; a connection is made when the first is needed.

        Args:
            url: `mysql+asyncmy://user@host/schema` or `sqlite+aiosqlite:///path`.
            password: Of the user, where the URL does not hold it.
            fresh_seconds: Of a connection's idleness after which MySQL is asked for it again.

        Raises:
            DatabaseUrlError: the URL is neither.
        """
        parsed = make_url(url)
        if password is not None:
            parsed = parsed.set(password=password)
        if parsed.drivername == "sqlite+aiosqlite" and parsed.database not in {
            None,
            "",
            ":memory:",
        }:
            return cls(parsed, *_sqlite(parsed))
        if parsed.drivername == "mysql+asyncmy" and parsed.database:
            return cls(parsed, *_mysql(parsed, fresh_seconds))
        raise DatabaseUrlError(
            f"{parsed}: write mysql+asyncmy://user@host:3306/schema, "
            "or sqlite+aiosqlite:///folder/farm.db"
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection in a transaction that is committed on leaving the block.

        It is rolled back when the block raises. When this is cancelled while it commits, the
        outcome is unknown, as with a lost connection.
        """
        async with self._turn, self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection for reads; each statement sees what is committed when it starts."""
        async with self._reader.connect() as connection:
            yield connection

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection outside the pool, in autocommit, dropped on leaving the block."""
        engine = create_async_engine(
            self.url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            **_arguments(self.url),
        )
        async with engine.connect() as connection:
            try:
                yield connection
            finally:
                await connection.invalidate()  # A plain close fails where the server is gone.

    async def answers(self) -> bool:
        """Return True; raises what the driver raises where no database answers."""
        async with self.reading() as connection:
            await connection.exec_driver_sql("SELECT 1")
        return True

    async def close(self) -> None:
        """Close every connection."""
        await self._writer.dispose()
        await self._reader.dispose()

    def _count(self, *_: object) -> None:
        self.statements += 1


def _arguments(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "mysql":
        # `document` escapes by backslashes.
        escapes = "sql_mode = REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '')"
        silence = f"SET SESSION wait_timeout = {_SILENT_S}, {escapes}"
        return {
            "connect_args": {
                "connect_timeout": _CONNECT_S,
                "charset": "utf8mb4",
                "init_command": silence,
                "conv": CONVERSIONS,
            }
        }
    return {}


def _mysql(url: URL, fresh_seconds: float) -> tuple[AsyncEngine, AsyncEngine]:
    def engine(isolation_level: str, **more: Any) -> AsyncEngine:  # noqa: ANN401  # handed on
        made = create_async_engine(
            url,
            isolation_level=isolation_level,
            pool_size=10,
            max_overflow=10,
            pool_recycle=_RECYCLE_S,
            # Every transaction is ended in `transaction`; a second ROLLBACK would be a round trip.
            pool_reset_on_return=None,
            **_arguments(url),
            **more,
        )
        _ping_after(made, fresh_seconds)
        return made

    writer = engine("READ COMMITTED")
    allow_scripts(writer.sync_engine)
    return writer, engine("AUTOCOMMIT", skip_autocommit_rollback=True)


def _ping_after(engine: AsyncEngine, seconds: float) -> None:
    def note(_: object, record: ConnectionPoolEntry) -> None:
        record.info["idle_since"] = time.monotonic()

    def ask(connection: Any, record: ConnectionPoolEntry, _: object) -> None:  # noqa: ANN401  # DBAPI
        now = time.monotonic()
        if now - record.info.get("idle_since", now) < seconds:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:  # whatever a driver says of a connection that is gone
            raise DisconnectionError from error  # the pool then opens another

    event.listen(engine.sync_engine, "checkin", note)
    event.listen(engine.sync_engine, "checkout", ask)


def _sqlite(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    writer = create_async_engine(url, pool_size=1, max_overflow=0)
    reader = create_async_engine(
        url, pool_size=4, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True
    )
    event.listen(writer.sync_engine, "connect", _open_sqlite_writer)
    event.listen(writer.sync_engine, "begin", _begin_immediate)
    event.listen(reader.sync_engine, "connect", _open_sqlite_reader)
    return writer, reader


def _open_sqlite_writer(connection: Any, _record: object) -> None:  # noqa: ANN401  # DBAPI
    # With None the driver leaves transactions to us; else it begins them late, and DEFERRED.
    connection.isolation_level = None
    _pragmas(connection, "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")


def _open_sqlite_reader(connection: Any, _record: object) -> None:  # noqa: ANN401  # DBAPI
    _pragmas(connection, "query_only=ON")


def _pragmas(connection: Any, *pragmas: str) -> None:  # noqa: ANN401  # DBAPI
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={_BUSY_MS}", *pragmas):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    # Straight to the driver: one hop to its thread, where a cursor of SQLAlchemy's takes three.
    driver = connection.connection.driver_connection
    await_only(driver.execute("BEGIN IMMEDIATE"))  # type: ignore[union-attr]  # aiosqlite's

"""A lock with a name that one process at a time holds, wherever it runs.

It elects: it does not protect. A holder that was cut off learns of it within about a second, a
frozen one when it wakes; what it then still writes has to be refused by an epoch.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from pathlib import Path

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.storage.sql.database import Database

_LOOK_S = 0.5
_WAIT_S = 1  # of GET_LOCK; short, so that a cancelled wait leaves no session behind for long
_IDLE_S = 5  # after which MySQL drops a holder that has fallen silent, and with it the lock
_NAME_LENGTH = 64  # of MySQL

_GET = text("SELECT GET_LOCK(:name, :seconds)")
_MINE = text("SELECT IS_USED_LOCK(:name) = CONNECTION_ID()")


class Guard:
    """Says how long a lock is ours."""

    def __init__(self) -> None:
        self._lost = asyncio.Event()

    @property
    def holds(self) -> bool:
        """Whether nothing is known against the lock being held."""
        return not self._lost.is_set()

    async def lost(self) -> None:
        """Return when the lock is no longer ours."""
        await self._lost.wait()

    def lose(self) -> None:
        """Say that the lock is gone."""
        self._lost.set()


class NamedLock:
    """One lock; each database has its own set of names."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = f"{Path(database.url.database or '').name}.{name}"
        if len(self._name) > _NAME_LENGTH:
            raise ValueError(f"{self._name!r} is longer than {_NAME_LENGTH} characters")

    def held(self) -> AbstractAsyncContextManager[Guard]:
        """Wait for the lock, hold it for the block, and give the guard that tells of its loss.

        Raises:
            SQLAlchemyError, TimeoutError: on entry, when the database does not answer.
        """
        return self._held_in_mysql() if self._database.dialect == "mysql" else self._held_in_file()

    @asynccontextmanager
    async def _held_in_mysql(self) -> AsyncIterator[Guard]:
        guard = Guard()
        async with self._database.alone() as connection:
            await self.take(connection)
            watch = asyncio.create_task(self._watch(connection, guard))
            try:
                yield guard
            finally:
                watch.cancel()
                await asyncio.wait([watch])
                guard.lose()

    async def take(self, connection: AsyncConnection) -> None:
        """Wait until MySQL gives the lock to `connection`, for as long as that keeps talking.

        Raises:
            TimeoutError: the server hangs.
        """
        await connection.execute(text(f"SET SESSION wait_timeout = {_IDLE_S}"))
        taken = False
        while not taken:
            async with asyncio.timeout(_WAIT_S + _IDLE_S):
                taken = await self._ask(connection, _GET, seconds=_WAIT_S)

    async def _watch(self, connection: AsyncConnection, guard: Guard) -> None:
        try:
            while guard.holds:
                await asyncio.sleep(_LOOK_S)
                # An alarm rather than a time limit: ending a query that hangs takes seconds.
                with _alarm(guard):
                    if not await self._ask(connection, _MINE):
                        return
        except Exception:  # noqa: BLE001  # a driver whose server died may raise anything
            return
        finally:
            guard.lose()

    async def _ask(
        self, connection: AsyncConnection, question: TextClause, **more: object
    ) -> bool:
        answer = await connection.execute(question, {"name": self._name, **more})
        return bool(answer.scalar())

    @asynccontextmanager
    async def _held_in_file(self) -> AsyncIterator[Guard]:
        path = Path(f"{self._database.url.database}.{self._name.rpartition('.')[2]}.lock")
        guard = Guard()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _lock(descriptor):  # noqa: ASYNC110  # no event tells of a file lock
                await asyncio.sleep(_LOOK_S / 5)
            yield guard
        finally:
            os.close(descriptor)
            guard.lose()


@contextmanager
def _alarm(guard: Guard) -> Iterator[None]:
    """Count the lock as lost when the block takes too long.

    In two halves: a loop that was busy for long finds the time over and the answer there at once,
    and has to be let look at the answer first.
    """
    loop = asyncio.get_running_loop()
    alarms: list[asyncio.TimerHandle] = []

    def once_more() -> None:
        alarms.append(loop.call_later(_LOOK_S / 2, guard.lose))

    alarms.append(loop.call_later(_LOOK_S / 2, once_more))
    try:
        yield
    finally:
        for alarm in alarms:
            alarm.cancel()


def _lock(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False

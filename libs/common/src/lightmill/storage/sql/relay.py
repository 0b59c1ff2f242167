"""Carries the rows of an outbox to the broker and to the status cache."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

from prometheus_client import Histogram
from sqlalchemy import Row, Table, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.broker.ports import Link, LinkLostError, Outgoing
from lightmill.storage.ports import StatusCache
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.outbox import PUBLISH, STATUS

BATCH = 500
_LOOK_S = 1.0
_CACHE_CALLS = 16

_DELAY = Histogram(
    "lightmill_outbox_delay_seconds",
    "Age of the oldest row of a batch when the batch has left",
    ["outbox"],
)

Returned = Callable[[Sequence[Outgoing]], Awaitable[None]]


class Clock(Protocol):
    """Where the relay takes the time from."""

    def now(self) -> datetime:
        """Return the moment, aware, in UTC."""
        ...


class Relay:
    """Sends what an outbox holds, in order, and forgets it once it has been confirmed.

    It looks for rows and never remembers a position: a row that commits late, with a lower id
    than those already sent, is found as well. A crash between the confirmation and the deletion
    sends a message again; receivers bear that.

    Args:
        database: Holds the outbox.
        outbox: One of the `OUTBOX` tables of the schema.
        cache: Where the statuses go.
        clock: Tells how long rows have waited, for the metrics.
        shared: Whether several processes relay this outbox. On MySQL they then lock the rows
            that they carry, so that each message leaves once, at the price that a process that
            freezes holds back its batch until its connection ends. A leader, whose rows a
            successor must be able to take over at once, leaves it False.
    """

    def __init__(
        self,
        database: Database,
        outbox: Table,
        cache: StatusCache,
        clock: Clock,
        *,
        shared: bool = False,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._cache = cache
        self._clock = clock
        self._locks = shared and database.dialect == "mysql"
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Say that there are new rows; called after the commit."""
        self._woken.set()

    async def run(self, link: Link, on_returned: Returned | None = None) -> None:
        """Carry rows over `link` until it is lost or the task is cancelled.

        Args:
            link: Where the messages go.
            on_returned: Told of mandatory messages that no queue took, before they are deleted.

        Raises:
            LinkLostError: `link` is gone; rows not confirmed are still there.
            SQLAlchemyError: the database is gone; so it is with the rows.
        """
        lost = asyncio.ensure_future(link.lost())
        lost.add_done_callback(lambda _: self._woken.set())
        try:
            while not lost.done():
                self._woken.clear()
                if await self.carry(link, on_returned) < BATCH:
                    await self._rest()
            raise LinkLostError("the broker's connection is gone")
        finally:
            lost.cancel()

    async def carry(self, link: Link, on_returned: Returned | None = None) -> int:
        """Carry one batch, the oldest rows first, and return how many rows it had."""
        if self._locks:
            async with self._database.transaction() as connection:
                rows = await self._oldest(connection)
                await self._send(rows, link, on_returned)
                await self._forget(connection, rows)
            self._measure(rows)
            return len(rows)
        async with self._database.reading() as connection:
            rows = await self._oldest(connection)
        await self._send(rows, link, on_returned)
        if rows:
            async with self._database.transaction() as connection:
                await self._forget(connection, rows)
        self._measure(rows)
        return len(rows)

    async def _rest(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await self._woken.wait()

    async def _oldest(self, connection: AsyncConnection) -> Sequence[Row[Any]]:
        query = select(self._outbox).order_by(self._outbox.c.id).limit(BATCH)
        if self._locks:
            query = query.with_for_update(skip_locked=True)
        return (await connection.execute(query)).all()

    async def _send(
        self, rows: Sequence[Row[Any]], link: Link, on_returned: Returned | None
    ) -> None:
        await self._set_statuses(row for row in rows if row.effect == STATUS)
        messages = [_outgoing(row) for row in rows if row.effect == PUBLISH]
        if not messages:
            return
        taken = await link.publish(messages)
        returned = [message for message, ok in zip(messages, taken, strict=True) if not ok]
        if returned and on_returned is not None:
            await on_returned(returned)

    async def _set_statuses(self, rows: Iterable[Row[Any]]) -> None:
        newest: dict[str, Row[Any]] = {}
        for row in rows:
            known = newest.get(row.routing_key)
            if known is None or row.version > known.version:
                newest[row.routing_key] = row
        waiting = list(newest.values())
        for start in range(0, len(waiting), _CACHE_CALLS):
            await asyncio.gather(*map(self._set_status, waiting[start : start + _CACHE_CALLS]))

    async def _set_status(self, row: Row[Any]) -> None:
        await self._cache.set_newer(row.routing_key, row.version, json.loads(row.body))

    async def _forget(self, connection: AsyncConnection, rows: Sequence[Row[Any]]) -> None:
        if rows:
            ids = [row.id for row in rows]
            # Without the hint MySQL may scan the table, and wait for the rows of other relays.
            hint = f"/*+ INDEX({self._outbox.name} PRIMARY) */"
            query = delete(self._outbox).prefix_with(hint, dialect="mysql")
            await connection.execute(query.where(self._outbox.c.id.in_(ids)))

    def _measure(self, rows: Sequence[Row[Any]]) -> None:
        if rows:
            delay = self._clock.now() - rows[0].created_at
            _DELAY.labels(self._outbox.name).observe(delay.total_seconds())


def _outgoing(row: Row[Any]) -> Outgoing:
    return Outgoing(
        exchange=row.exchange,
        key=row.routing_key,
        kind=row.kind,
        body=bytes(row.body),
        headers=row.headers,
        mandatory=bool(row.mandatory),
    )

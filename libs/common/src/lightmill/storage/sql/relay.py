"""Carries the rows of an outbox to the broker and to the status cache."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from prometheus_client import Histogram
from sqlalchemy import Table, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.broker.ports import Link, LinkLostError, Outgoing
from lightmill.storage.ports import StatusCache
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.parcel import Parcel, SetStatus, opened

BATCH = 500
_LARGE_BATCH = 20
"""Of an outbox that only one relays, whose rows may be of megabytes."""
_LOOK_S = 1.0
_REMEMBERED = 1000
"""Rows that were found, for those who hand them over after that."""

_DELAY = Histogram(
    "lightmill_outbox_delay_seconds",
    "Age of the oldest row of a batch when the batch has left",
    ["outbox"],
)

_Name = tuple[int, datetime]
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

    Whoever has just written rows may hand them over: they need not be read then. What is handed
    over is in the table as well, so a relay that dies with it loses nothing. When it is time
    to look for others, it leaves once more before that: somebody waits for it.

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
        self._batch = BATCH if shared else _LARGE_BATCH
        self._woken = asyncio.Event()
        self._handed: list[Parcel] = []
        self._found: dict[_Name, None] = {}  # in order; a set would lose it
        self._look_at = 0.0
        self._put_off = True  # a look for the sake of what is handed over
        self._bidden = True
        self._took = self._sent = 0  # of what was handed over
        self._caught_up = False  # with what other links have left
        self._went_on = asyncio.Event()

    def hand(self, parcels: Sequence[Parcel]) -> None:
        """Take rows that have just been committed, those of one writer in their order."""
        self._handed += self._not_found(parcels)
        self._took += len(parcels)
        self._woken.set()

    def wake(self) -> None:
        """Say that there are new rows; called after the commit."""
        self._bidden = True
        self._woken.set()

    async def sent(self) -> None:
        """Return when all has been sent that is handed over by now, or that other links left."""
        due = self._took
        while self._sent < due or not self._caught_up:
            self._went_on.clear()
            await self._went_on.wait()

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
        self._look_at, self._put_off = 0.0, True  # what another link has left comes first
        self._caught_up = False
        try:
            while not lost.done():
                self._woken.clear()
                self._sent = self._took - len(self._handed)  # nothing is under way here
                self._went_on.set()
                if self._handed and not (self._put_off and self._has_to_look()):
                    self._put_off = self._has_to_look()
                    await self._carry_handed(link, on_returned)
                elif self._bidden or self._has_to_look():
                    self._bidden = self._put_off = False
                    if await self.carry(link, on_returned) >= self._batch:
                        self._bidden = True
                    else:
                        self._caught_up = True
                else:
                    await self._rest()
            raise LinkLostError("the broker's connection is gone")
        finally:
            lost.cancel()

    async def carry(self, link: Link, on_returned: Returned | None = None) -> int:
        """Carry one batch of what was not handed over, the oldest rows first.

        Returns:
            How many rows it had.
        """
        self._look_at = asyncio.get_running_loop().time() + _LOOK_S
        if self._locks:
            async with self._database.transaction() as connection:
                parcels = await self._oldest(connection)
                await self._send(parcels, link, on_returned)
                await self._forget(connection, parcels)
            self._measure(parcels)
            return len(parcels)
        async with self._database.reading() as connection:
            parcels = await self._oldest(connection)
        self._remember(parcels)
        self._handed = self._not_found(self._handed)  # which came while it was looked
        await self._deliver(parcels, link, on_returned)
        return len(parcels)

    def _not_found(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        return [parcel for parcel in parcels if _name(parcel) not in self._found]

    def _remember(self, parcels: Sequence[Parcel]) -> None:
        self._found |= dict.fromkeys(map(_name, parcels))
        for name in list(self._found)[:-_REMEMBERED]:
            del self._found[name]

    async def _carry_handed(self, link: Link, on_returned: Returned | None) -> None:
        parcels, self._handed = self._handed, []
        await self._deliver(parcels, link, on_returned)

    async def _deliver(
        self, parcels: Sequence[Parcel], link: Link, on_returned: Returned | None
    ) -> None:
        await self._send(parcels, link, on_returned)
        if parcels:
            async with self._database.transaction() as connection:
                await self._forget(connection, parcels)
        self._measure(parcels)

    def _has_to_look(self) -> bool:
        """Tell whether there may be rows that nobody has handed over."""
        return asyncio.get_running_loop().time() >= self._look_at

    async def _rest(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await self._woken.wait()

    async def _oldest(self, connection: AsyncConnection) -> Sequence[Parcel]:
        query = select(self._outbox).order_by(self._outbox.c.id).limit(self._batch)
        if self._handed:  # what comes after it may be on its way here too
            query = query.where(self._outbox.c.id < self._handed[0].id)
        if self._locks:
            query = query.with_for_update(skip_locked=True)
        return [opened(row) for row in await connection.execute(query)]

    async def _send(
        self, parcels: Sequence[Parcel], link: Link, on_returned: Returned | None
    ) -> None:
        """Send the messages, and then the statuses, for which nobody waits."""
        messages = [message for parcel in parcels for message in parcel.messages]
        if messages:
            taken = await link.publish(messages)
            returned = [message for message, ok in zip(messages, taken, strict=True) if not ok]
            if returned and on_returned is not None:
                await on_returned(returned)
        newest: dict[str, SetStatus] = {}
        for status in (status for parcel in parcels for status in parcel.statuses):
            known = newest.get(status.key)
            if known is None or status.version > known.version:
                newest[status.key] = status
        if newest:
            statuses = [(it.key, it.version, it.value) for it in newest.values()]
            await self._cache.set_all_newer(statuses)

    async def _forget(self, connection: AsyncConnection, parcels: Sequence[Parcel]) -> None:
        if parcels:
            ids = [parcel.id for parcel in parcels]
            # Without the hint MySQL may scan the table, and wait for the rows of other relays.
            hint = f"/*+ INDEX({self._outbox.name} PRIMARY) */"
            query = delete(self._outbox).prefix_with(hint, dialect="mysql")
            await connection.execute(query.where(self._outbox.c.id.in_(ids)))

    def _measure(self, parcels: Sequence[Parcel]) -> None:
        if parcels:
            delay = self._clock.now() - parcels[0].created_at
            _DELAY.labels(self._outbox.name).observe(delay.total_seconds())


def _name(parcel: Parcel) -> _Name:
    """Return what tells a row from every other: SQLite gives the ids of deleted ones again."""
    return parcel.id, parcel.created_at

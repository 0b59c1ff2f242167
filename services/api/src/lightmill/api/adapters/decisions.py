"""What the keeper of the farm decides, in SQL."""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from lightmill.api.adapters.audit import record
from lightmill.api.ports.policy import Decisions, Key, NodeAction, Subject
from lightmill.domain.policy import NodeWish
from lightmill.domain.principal import Principal
from lightmill.messages.policy_wanted import PolicyWanted
from lightmill.runtime.clock import Clock
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.outbox import Publish
from lightmill.storage.sql.outbox import put as leave
from lightmill.storage.sql.schema.api import (
    FARM_POLICY,
    LIMITS,
    NODE_WISHES,
    OUTBOX,
    POOLS,
    SHARES,
)

_TABLES = {
    Subject.POOL: POOLS,
    Subject.LIMIT: LIMITS,
    Subject.SHARE: SHARES,
    Subject.FARM: FARM_POLICY,
}
_WISHES = {
    NodeAction.DRAIN: NodeWish.DRAIN,
    NodeAction.RESUME: NodeWish.RUN,
    NodeAction.DISABLE: NodeWish.DISABLE,
}


class SqlDecisions(Decisions):
    """The tables of the policy, and the doorbell in `api_outbox`.

    Args:
        wake: Called after a commit that has left something in the outbox.
    """

    def __init__(self, database: Database, clock: Clock, wake: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._wake = wake

    @override
    async def put(
        self,
        principal: Principal,
        subject: Subject,
        key: Key,
        values: Mapping[str, object],
        version: int | None,
    ) -> int | None:
        now = self._clock.now()
        try:
            async with self._database.transaction() as connection:
                table = _TABLES[subject]
                present = await _version(connection, table, key)
                if version is not None and version != present:
                    return None
                await _write(connection, table, key, values, present, now)
                details = {**key, **values}
                await self._tell(connection, principal, f"{subject.value}.set", details, now)
        except IntegrityError:
            return None  # somebody has decided on the same for the first time meanwhile
        self._wake()
        return present + 1

    @override
    async def remove(
        self, principal: Principal, subject: Subject, key: Key, version: int | None
    ) -> bool | None:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            table = _TABLES[subject]
            present = await _version(connection, table, key)
            if not present:
                return False
            if version is not None and version != present:
                return None
            await connection.execute(delete(table).where(*_equal(table, key)))
            await self._tell(connection, principal, f"{subject.value}.remove", key, now)
        self._wake()
        return True

    @override
    async def wish(self, principal: Principal, node_id: str, action: NodeAction) -> None:
        now, key = self._clock.now(), {"node_id": node_id}
        async with self._database.transaction() as connection:
            query = select(NODE_WISHES).where(NODE_WISHES.c.node_id == node_id).with_for_update()
            row = (await connection.execute(query)).one_or_none()
            wish = NodeWish.RUN if row is None else NodeWish(row.wish)
            forgiven = 0 if row is None else row.forgiven
            if action is NodeAction.FORGIVE:
                values: dict[str, object] = {"wish": wish, "forgiven": forgiven + 1}
            else:
                values = {"wish": _WISHES[action], "forgiven": forgiven}
            if values == {"wish": wish, "forgiven": forgiven}:
                return
            present = 0 if row is None else row.version
            await _write(connection, NODE_WISHES, key, values, present, now)
            await self._tell(connection, principal, f"node.{action}", key, now)
        self._wake()

    async def _tell(
        self,
        connection: AsyncConnection,
        principal: Principal,
        action: str,
        details: Mapping[str, object],
        now: datetime,
    ) -> None:
        what = str(next(iter(details.values())))
        await record(connection, principal, action, what, now, details)
        await leave(connection, OUTBOX, [Publish(PolicyWanted())], now)


def _equal(table: Table, key: Key) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in key.items()]


async def _version(connection: AsyncConnection, table: Table, key: Key) -> int:
    """Return the version of what `key` names, 0 when nobody has decided on it."""
    query = select(table.c.version).where(*_equal(table, key)).with_for_update()
    return int((await connection.execute(query)).scalar() or 0)


async def _write(
    connection: AsyncConnection,
    table: Table,
    key: Key,
    values: Mapping[str, object],
    present: int,
    now: datetime,
) -> None:
    row = {**values, "version": present + 1, "updated_at": now}
    if present:
        await connection.execute(update(table).where(*_equal(table, key)).values(**row))
    else:
        await connection.execute(insert(table).values(**key, **row))

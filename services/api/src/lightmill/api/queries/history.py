"""What has happened to a job, line by line.

Jobs and steps have lines of their own. An attempt's row says when it was given out, begun and
ended, and why: its lines are made of that.
"""

import heapq
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, or_, select

from lightmill.api.core import cursor
from lightmill.api.core.moment import rfc3339
from lightmill.api.queries.page import Cut, Page
from lightmill.domain.states import AttemptState
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.scheduler import ATTEMPTS, HISTORY, NODES

_BEGUN, _ENDED, _LINE, _GIVEN = range(4)
"""Kinds of lines, in the order in which those of one moment happened: what ends an attempt may
end a job, and what takes a job in gives out attempts."""
_MOMENTS = {
    _BEGUN: ATTEMPTS.c.started_at,
    _ENDED: ATTEMPTS.c.ended_at,
    _LINE: HISTORY.c.at,
    _GIVEN: ATTEMPTS.c.assigned_at,
}
_WHY_LENGTH = 500
_SERIAL_DIGITS = 20

_Place = tuple[datetime, int, str]
"""Where a line stands: its moment, its kind, and its row's id, spelt so that it sorts."""


class HistoryQueries:
    """Reads the history of the jobs of a tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lines(self, tenant_id: str, job_id: str, cut: Cut) -> Page:
        """Return every transition of a job and its parts, the oldest first."""
        after = None if cut.after is None else _decode(cut.after)
        found: list[tuple[_Place, dict[str, object]]] = []
        async with self._database.reading() as connection:
            for kind in _MOMENTS:
                query = _rows(kind, tenant_id, job_id, after).limit(cut.limit + 1)
                rows = (await connection.execute(query)).all()
                found += [(_place(kind, row), _line(kind, row)) for row in rows]
        lines = heapq.nsmallest(cut.limit + 1, found, key=lambda line: line[0])
        shown = lines[: cut.limit]
        more = cursor.encode(*shown[-1][0]) if len(lines) > cut.limit else None
        return Page([line for _, line in shown], more)


def _rows(kind: int, tenant_id: str, job_id: str, after: _Place | None) -> Select[Any]:
    """Return the rows that make lines of this kind, in order, from behind `after`."""
    moment = _MOMENTS[kind]
    table = HISTORY if kind == _LINE else ATTEMPTS
    query = select(table, moment.label("moment"))
    if kind == _GIVEN:
        query = query.add_columns(NODES.c.name.label("node"))
        query = query.outerjoin(NODES, NODES.c.id == ATTEMPTS.c.node_id)
    if kind == _BEGUN:  # one that ended in the moment in which it began was not seen to run
        query = query.where(or_(ATTEMPTS.c.ended_at.is_(None), ATTEMPTS.c.ended_at > moment))
    mine = (table.c.tenant_id == tenant_id, table.c.job_id == job_id, moment.is_not(None))
    query = query.where(*mine).order_by(moment, table.c.id)
    return query if after is None else query.where(_behind(kind, after))


def _behind(kind: int, after: _Place) -> ColumnElement[bool]:
    at, other, key = after
    moment = _MOMENTS[kind]
    if kind > other:
        return moment >= at
    if kind < other:
        return moment > at
    row = HISTORY.c.id > int(key) if kind == _LINE else ATTEMPTS.c.id > key
    return or_(moment > at, and_(moment == at, row))


def _place(kind: int, row: Row[Any]) -> _Place:
    key = f"{row.id:0{_SERIAL_DIGITS}}" if kind == _LINE else row.id
    return row.moment, kind, key


def _decode(word: str) -> _Place:
    at, kind, key = cursor.decode(word, str, int, str)
    if kind == _LINE and not str(key).isdecimal():
        raise cursor.unreadable()
    return cursor.moment(at), int(kind), str(key)


def _line(kind: int, row: Row[Any]) -> dict[str, object]:
    if kind == _LINE:
        change = (row.was, row.became, row.why)
        return _document(row, str(row.id), (row.entity, row.entity_id), change, row.by)
    change = _CHANGES[kind](row)
    return _document(row, f"{row.id}.{change[1]}", ("attempt", row.id), change, "scheduler")


def _document(
    row: Row[Any],
    line_id: str,
    entity: tuple[str, str],
    change: tuple[str | None, str, str],
    by: str,
) -> dict[str, object]:
    return {
        "id": line_id,
        "entity": entity[0],
        "entity_id": entity[1],
        "was": change[0],
        "became": change[1],
        "why": change[2],
        "by": by,
        "at": rfc3339(row.moment),
    }


def _given(row: Row[Any]) -> tuple[str | None, str, str]:
    return None, AttemptState.ASSIGNED, f"given to {row.node or row.node_id}"


def _begun(_: Row[Any]) -> tuple[str | None, str, str]:
    return AttemptState.ASSIGNED, AttemptState.RUNNING, "begun by the node"


def _ended(row: Row[Any]) -> tuple[str | None, str, str]:
    ran = row.started_at is not None and row.started_at < row.ended_at
    why = (row.detail or "")[:_WHY_LENGTH]
    was = AttemptState.RUNNING if ran else AttemptState.ASSIGNED
    return was, row.state, f"{row.failure}: {why}" if row.failure else why


_CHANGES = {_GIVEN: _given, _BEGUN: _begun, _ENDED: _ended}

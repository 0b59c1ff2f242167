"""Effects that leave after the commit of the state change that caused them.

Each has a row of its own (`put`), or all those of a transaction share one (`put_together`): of
the hundreds that a turn of the scheduler has, the rows would cost more than all else it writes.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Self

from sqlalchemy import Insert, Table, Text, bindparam, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.contextvars import get_contextvars

from lightmill.broker.ports import Outgoing
from lightmill.messages.message import Message
from lightmill.storage.sql import bulk
from lightmill.storage.sql.document import Document
from lightmill.storage.sql.parcel import (
    PUBLISH,
    STATUS,
    TOGETHER,
    Carried,
    Parcel,
    SetStatus,
    lines,
    parcel,
)
from lightmill.storage.sql.script import Answer, Script

_ROW_BYTES = 4 * 2**20
"""Of effects in one row, but for its last; MySQL keeps 16 MiB in a MEDIUMBLOB."""

_NO_MESSAGE = {"exchange": "", "routing_key": "", "kind": "", "mandatory": 0, "version": 0}


@dataclass(frozen=True, slots=True)
class Publish:
    """A message to the broker.

    Attributes:
        key: Routing key; None means the message's own.
        mandatory: Whether to be told when no queue takes it.
        headers: Beside `traceparent`, which is taken from the bound log context.
    """

    message: Message
    key: str | None = None
    mandatory: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


Effect = Publish | Outgoing | SetStatus


async def put(
    connection: AsyncConnection, outbox: Table, effects: Iterable[Effect], now: datetime
) -> None:
    """Write `effects` into `outbox` as part of the transaction of `connection`, a row each.

    Raises:
        TypeError: the value of a SetStatus cannot be written as JSON.
    """
    trace = _trace()
    rows = [_row(effect, trace) | {"created_at": now} for effect in effects]
    await bulk.add(connection, outbox, rows)


async def put_together(
    connection: AsyncConnection, outbox: Table, effects: Iterable[Effect], now: datetime
) -> list[Parcel]:
    """Write `effects` into as few rows of `outbox` as can hold them, and return these."""
    script = Script()
    letters = Letters.of(connection.dialect.name, outbox, effects, now)
    letters.add_to(script)
    return letters.parcels(await script.run(connection))


@dataclass(frozen=True, slots=True)
class Letters:
    """Rows of an outbox that a script is to write, the last of its statements."""

    rows: Sequence[tuple[Sequence[Carried], Insert, Mapping[str, object]]]
    now: datetime

    @classmethod
    def of(cls, dialect: str, outbox: Table, effects: Iterable[Effect], now: datetime) -> Self:
        """Return as few rows as can hold `effects`."""
        trace = _trace()
        loads = _loads(_carried(effect, trace) for effect in effects)
        return cls(
            [(load, *_adding(dialect, outbox, load, text, now)) for load, text in loads], now
        )

    def add_to(self, script: Script) -> None:
        """Append what writes them."""
        for _, statement, row in self.rows:
            script.add(statement, row)

    def parcels(self, answers: Sequence[Answer]) -> list[Parcel]:
        """Return the rows as they have been written."""
        last = answers[len(answers) - len(self.rows) :]
        both = zip(self.rows, last, strict=True)
        return [parcel(answer.key, load, self.now) for (load, _, _), answer in both]


def _adding(
    dialect: str, outbox: Table, load: Sequence[Carried], text: bytes, now: datetime
) -> tuple[Insert, Mapping[str, object]]:
    """Return what inserts one row with all of `load`, and its parameters."""
    if len(load) == 1:
        return _insert(outbox, None), _row(load[0], {}) | {"created_at": now}
    row = {**_NO_MESSAGE, "effect": TOGETHER, "headers": {}, "created_at": now}
    if dialect == "mysql":
        return _insert(outbox, "document"), row | {"document": Document(text.decode())}
    return _insert(outbox, None), row | {"body": text}


@lru_cache
def _insert(outbox: Table, body: str | None) -> Insert:
    """Return the statement, whose body may come as a parameter of another name and type."""
    statement = insert(outbox)
    return statement if body is None else statement.values(body=bindparam(body, type_=Text))


def _loads(effects: Iterable[Carried]) -> Iterator[tuple[list[Carried], bytes]]:
    """Yield `effects` in parts that a row can hold, each with the text of its row."""
    load: list[Carried] = []
    texts: list[bytes] = []
    room = _ROW_BYTES
    for effect in effects:
        load.append(effect)
        texts.append(lines(effect))
        room -= len(texts[-1])
        if room <= 0:
            yield load, b"\n".join(texts)
            load, texts, room = [], [], _ROW_BYTES
    if load:
        yield load, b"\n".join(texts)


def _trace() -> Mapping[str, str]:
    """Return the trace that is bound, as a header."""
    bound = get_contextvars().items()
    return {name: str(value) for name, value in bound if name == "traceparent"}


def _carried(effect: Effect, trace: Mapping[str, str]) -> Carried:
    if isinstance(effect, SetStatus):
        return effect
    if isinstance(effect, Outgoing):
        return replace(effect, headers={**trace, **effect.headers}) if trace else effect
    message = effect.message
    return Outgoing(
        exchange=message.exchange,
        key=effect.key or message.routing_key,
        kind=message.routing_key,
        body=message.body(),
        headers={**trace, **effect.headers},
        mandatory=effect.mandatory,
    )


def _row(effect: Effect, trace: Mapping[str, str]) -> dict[str, object]:
    match _carried(effect, trace):
        case Outgoing() as message:
            return {
                "effect": PUBLISH,
                "exchange": message.exchange,
                "routing_key": message.key,
                "kind": message.kind,
                "mandatory": int(message.mandatory),
                "version": 0,
                "headers": dict(message.headers),
                "body": message.body,
            }
        case SetStatus(key=key, version=version, value=value):
            return {
                "effect": STATUS,
                "exchange": "",
                "routing_key": key,
                "kind": "",
                "mandatory": 0,
                "version": version,
                "headers": {},
                "body": json.dumps(value, separators=(",", ":")).encode(),
            }

"""Effects that leave after the commit of the state change that caused them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.contextvars import get_contextvars

from lightmill.messages.message import Message
from lightmill.storage.sql import bulk

PUBLISH = "publish"
STATUS = "status"


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


@dataclass(frozen=True, slots=True)
class SetStatus:
    """A document to the status cache, unless it holds a newer version."""

    key: str
    version: int
    value: Mapping[str, object]


Effect = Publish | SetStatus


async def put(
    connection: AsyncConnection, outbox: Table, effects: Iterable[Effect], now: datetime
) -> None:
    """Write `effects` into `outbox` as part of the transaction of `connection`.

    Raises:
        TypeError: the value of a SetStatus cannot be written as JSON.
    """
    trace = {
        name: str(value) for name, value in get_contextvars().items() if name == "traceparent"
    }
    rows = [_row(effect, trace) | {"created_at": now} for effect in effects]
    await bulk.add(connection, outbox, rows)


def _row(effect: Effect, trace: Mapping[str, str]) -> dict[str, object]:
    match effect:
        case Publish(message=message):
            return {
                "effect": PUBLISH,
                "exchange": message.exchange,
                "routing_key": effect.key or message.routing_key,
                "kind": message.routing_key,
                "mandatory": int(effect.mandatory),
                "version": 0,
                "headers": {**trace, **effect.headers},
                "body": message.body(),
            }
        case SetStatus(value=value):
            return {
                "effect": STATUS,
                "exchange": "",
                "routing_key": effect.key,
                "kind": "",
                "mandatory": 0,
                "version": effect.version,
                "headers": {},
                "body": json.dumps(value, separators=(",", ":")).encode(),
            }

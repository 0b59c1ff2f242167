"""What one row of an outbox holds: an effect, or all those of a transaction, in order.

Effects that share a row stand in its body on two lines each: what a row of their own would have
in its columns, then the document. JSON as it travels here has no line breaks.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import Row

from lightmill.broker.ports import Outgoing

PUBLISH = "publish"
STATUS = "status"
TOGETHER = "together"


@dataclass(frozen=True, slots=True)
class SetStatus:
    """A document to the status cache, unless it holds a newer version."""

    key: str
    version: int
    value: Mapping[str, object]


Carried = Outgoing | SetStatus


@dataclass(frozen=True, slots=True)
class Parcel:
    """One row of an outbox; `id` is the row's."""

    id: int
    messages: Sequence[Outgoing]
    statuses: Sequence[SetStatus]
    created_at: datetime


def parcel(row_id: int, effects: Sequence[Carried], created_at: datetime) -> Parcel:
    """Return `effects` as those of this row."""
    return Parcel(
        id=row_id,
        messages=[effect for effect in effects if isinstance(effect, Outgoing)],
        statuses=[effect for effect in effects if isinstance(effect, SetStatus)],
        created_at=created_at,
    )


def opened(row: Row[Any]) -> Parcel:
    """Return what `row` holds."""
    if row.effect == TOGETHER:
        return parcel(row.id, list(_effects(bytes(row.body))), row.created_at)
    if row.effect == STATUS:
        status = SetStatus(row.routing_key, row.version, json.loads(row.body))
        return parcel(row.id, [status], row.created_at)
    message = Outgoing(
        exchange=row.exchange,
        key=row.routing_key,
        kind=row.kind,
        body=bytes(row.body),
        headers=row.headers,
        mandatory=bool(row.mandatory),
    )
    return parcel(row.id, [message], row.created_at)


def lines(effect: Carried) -> bytes:
    """Return `effect` as it stands in a row with others."""
    if isinstance(effect, SetStatus):
        return to_json([effect.key, effect.version]) + b"\n" + to_json(effect.value)
    message = effect
    head = to_json(
        [message.exchange, message.key, message.kind, message.mandatory, message.headers]
    )
    return head + b"\n" + message.body


def _effects(body: bytes) -> Iterator[Carried]:
    both = iter(body.split(b"\n"))
    for head, document in zip(both, both, strict=True):
        parts = from_json(head)
        if len(parts) == len(("key", "version")):
            key, version = parts
            yield SetStatus(key, version, json.loads(document))
            continue
        exchange, key, kind, mandatory, headers = parts
        yield Outgoing(
            exchange=exchange,
            key=key,
            kind=kind,
            body=document,
            headers=headers,
            mandatory=mandatory,
        )

"""Idempotency keys in SQL."""

import json
from datetime import timedelta

from sqlalchemy import ColumnElement, Row, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from typing_extensions import override

from lightmill.api.adapters.pruner import KEPT
from lightmill.api.ports import Answer, Claim, IdempotencyKeys
from lightmill.domain.principal import Principal
from lightmill.runtime.clock import Clock
from lightmill.runtime.ids import new_id
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import IDEMPOTENCY_KEYS as KEYS

_ABANDONED = timedelta(seconds=60)
_PREFIX = "key:"


class SqlIdempotencyKeys(IdempotencyKeys):
    """The table `idempotency_keys`; answers are kept for a day.

    A key whose request has not been answered for a minute counts as abandoned, its process as
    gone: the next request with it goes on, with the same reserved id, so that what the first
    has made is not made again.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @override
    async def claim(self, principal: Principal, key: str, request_sha256: str) -> Claim:
        now, reserved = self._clock.now(), new_id()
        row = insert(KEYS).values(
            tenant_id=principal.tenant_id,
            user_id=principal.user_id,
            idempotency_key=_PREFIX + key,
            request_sha256=request_sha256,
            answer=json.dumps({"reserved": reserved}),
            created_at=now,
        )
        try:
            async with self._database.transaction() as connection:
                old = and_(_mine(principal, key), KEYS.c.created_at < now - KEPT)
                await connection.execute(delete(KEYS).where(old))
                await connection.execute(row)
        except IntegrityError:
            return await self._known(principal, key, request_sha256)
        return Claim(request_sha256=request_sha256, reserved_id=reserved, answer=None, mine=True)

    async def _known(self, principal: Principal, key: str, request_sha256: str) -> Claim:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            query = select(KEYS).where(_mine(principal, key))
            row = (await connection.execute(query)).one_or_none()
            if row is None:  # given back in this moment
                return Claim(
                    request_sha256=request_sha256, reserved_id="", answer=None, mine=False
                )
            claim = _claim(row)
            if claim.answer is not None or claim.request_sha256 != request_sha256:
                return claim
            taken = await connection.execute(
                update(KEYS)
                .where(
                    _mine(principal, key),
                    KEYS.c.status.is_(None),
                    KEYS.c.created_at == row.created_at,
                    KEYS.c.created_at < now - _ABANDONED,
                )
                .values(created_at=now)
            )
            return _claim(row, mine=bool(taken.rowcount))

    @override
    async def settle(self, principal: Principal, key: str, answer: Answer) -> None:
        kept = json.dumps({"headers": dict(answer.headers), "body": answer.body})
        change = update(KEYS).where(_mine(principal, key))
        async with self._database.transaction() as connection:
            await connection.execute(change.values(status=answer.status, answer=kept))

    @override
    async def release(self, principal: Principal, key: str) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(delete(KEYS).where(_mine(principal, key)))


def _mine(principal: Principal, key: str) -> ColumnElement[bool]:
    return and_(
        KEYS.c.tenant_id == principal.tenant_id,
        KEYS.c.user_id == principal.user_id,
        KEYS.c.idempotency_key == _PREFIX + key,
    )


def _claim(row: Row[tuple[object, ...]], *, mine: bool = False) -> Claim:
    kept = json.loads(row.answer)
    if row.status is None:
        return Claim(
            request_sha256=row.request_sha256,
            reserved_id=kept["reserved"],
            answer=None,
            mine=mine,
        )
    answer = Answer(status=row.status, headers=kept["headers"], body=kept["body"])
    return Claim(request_sha256=row.request_sha256, reserved_id="", answer=answer, mine=False)

"""Forgets idempotency keys when their day is over."""

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy import delete

from lightmill.runtime.clock import Clock
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import IDEMPOTENCY_KEYS

KEPT = timedelta(days=1)
_EVERY_S = 3600.0
_LOG = structlog.get_logger(__name__)


class Pruner:
    """Deletes old keys, once an hour; several processes may do so at once."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Prune until cancelled."""
        while True:
            try:
                await self.prune()
            except Exception:  # noqa: BLE001  # the database is away: the next hour will do
                _LOG.exception("old idempotency keys stay")
            await asyncio.sleep(_EVERY_S)

    async def prune(self) -> int:
        """Return how many keys were forgotten."""
        old = IDEMPOTENCY_KEYS.c.created_at < self._clock.now() - KEPT
        async with self._database.transaction() as connection:
            return (await connection.execute(delete(IDEMPOTENCY_KEYS).where(old))).rowcount

"""Attempts that are over, in SQL."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import exists, select, update
from typing_extensions import override

from lightmill.scheduler.adapters.leadership import check_epoch
from lightmill.scheduler.ports import EndedAttempt, EndedAttempts
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.scheduler import ATTEMPTS, RESULTS

_OWNS = exists().where(RESULTS.c.attempt_id == ATTEMPTS.c.id).label("owns_results")


class SqlEndedAttempts(EndedAttempts):
    """The column `swept_at` of `attempts`, as the leader of one epoch writes it."""

    def __init__(self, database: Database, *, epoch: int) -> None:
        self._database = database
        self._epoch = epoch

    @override
    async def unswept(self, before: datetime, most: int) -> list[EndedAttempt]:
        # By when they were given out: an index over their ends would be written to at each end.
        ended = (ATTEMPTS.c.assigned_at < before) & (ATTEMPTS.c.ended_at < before)
        query = (
            select(ATTEMPTS.c.id, ATTEMPTS.c.tenant_id, ATTEMPTS.c.job_id, _OWNS)
            .where(ATTEMPTS.c.swept_at.is_(None), ended)
            .order_by(ATTEMPTS.c.assigned_at)
            .limit(most)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [
            EndedAttempt(
                id=row.id,
                tenant_id=row.tenant_id,
                job_id=row.job_id,
                owns_results=bool(row.owns_results),
            )
            for row in rows
        ]

    @override
    async def mark(self, attempt_ids: Iterable[str], now: datetime) -> None:
        change = update(ATTEMPTS).where(ATTEMPTS.c.id.in_(list(attempt_ids)))
        async with self._database.transaction() as connection:
            await check_epoch(connection, self._epoch)
            await connection.execute(change.values(swept_at=now))

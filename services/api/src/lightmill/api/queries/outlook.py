"""Why a job waits, and when it will have ended, as the scheduler sees it."""

from sqlalchemy import select

from lightmill.api.core.job_view import Standing
from lightmill.api.core.moment import rfc3339
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.scheduler import OUTLOOKS

_UNSEEN = {
    "kind": "not_looked_at",
    "text": "The scheduler has not looked at it yet.",
    "fields": {},
}


class OutlookQueries:
    """Reads what the scheduler expects of jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, standing: Standing) -> dict[str, object]:
        """Return the outlook of a job: nothing keeps back a job that has ended.

        Args:
            standing: Where the job stands; the caller has made sure that it is the tenant's.
        """
        query = select(OUTLOOKS).where(OUTLOOKS.c.job_id == standing.job_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        told: dict[str, object] = {"id": standing.job_id, "state": standing.shown}
        if standing.finished or row is None:
            reasons = [] if standing.finished else [_UNSEEN]
            return {**told, "reasons": reasons, "forecast": None, "at": None}
        forecast = {name: rfc3339(row._mapping[name]) for name in _FORECAST}  # noqa: SLF001  # SQLAlchemy's public name
        known = row.expected is not None
        return {
            **told,
            "reasons": row.reasons,
            "forecast": forecast if known else None,
            "at": rfc3339(row.at),
        }


_FORECAST = ("earliest", "expected", "latest")

"""Error reports: one row for each kind and normalised message."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Insert, bindparam
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.scheduler.core.error_report import ErrorReport
from lightmill.storage.sql.schema.scheduler import ERROR_REPORTS

_KIND_LENGTH = 32


async def add_reports(
    connection: AsyncConnection, dialect: str, reports: Iterable[ErrorReport], now: datetime
) -> None:
    """Count each report; the last whole stack is kept."""
    for statement, row in counting(dialect, reports, now):
        await connection.execute(statement, row)


def counting(
    dialect: str, reports: Iterable[ErrorReport], now: datetime
) -> Iterator[tuple[Insert, Mapping[str, object]]]:
    """Yield what `add_reports` executes, with its parameters."""
    for report in reports:
        yield (
            _counted(dialect),
            {
                "error_type": report.kind[:_KIND_LENGTH],
                "message_hash": hashlib.sha256(report.normalised.encode()).hexdigest(),
                "error_message": report.normalised,
                "stack_trace": report.stack,
                "count": 1,
                "first_occurred_at": now,
                "last_occurred_at": now,
                "stack": report.stack,
                "moment": now,
            },
        )


@lru_cache
def _counted(dialect: str) -> Insert:
    again = {
        "count": ERROR_REPORTS.c.count + 1,
        "stack_trace": bindparam("stack", type_=ERROR_REPORTS.c.stack_trace.type),
        "last_occurred_at": bindparam("moment", type_=ERROR_REPORTS.c.last_occurred_at.type),
    }
    if dialect == "mysql":
        return mysql.insert(ERROR_REPORTS).on_duplicate_key_update(again)
    return sqlite.insert(ERROR_REPORTS).on_conflict_do_update(
        index_elements=list(ERROR_REPORTS.primary_key), set_=again
    )

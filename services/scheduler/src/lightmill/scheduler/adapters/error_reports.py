"""Error reports: one row for each kind and normalised message."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Insert
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.scheduler.core.error_report import ErrorReport
from lightmill.storage.sql.schema.scheduler import ERROR_REPORTS

_KIND_LENGTH = 32


async def add_reports(
    connection: AsyncConnection, dialect: str, reports: Iterable[ErrorReport], now: datetime
) -> None:
    """Count each report; the last whole stack is kept."""
    for report in reports:
        row = {
            "error_type": report.kind[:_KIND_LENGTH],
            "message_hash": hashlib.sha256(report.normalised.encode()).hexdigest(),
            "error_message": report.normalised,
            "stack_trace": report.stack,
            "count": 1,
            "first_occurred_at": now,
            "last_occurred_at": now,
        }
        await connection.execute(_counted(dialect, row))


def _counted(dialect: str, row: dict[str, object]) -> Insert:
    again = {
        "count": ERROR_REPORTS.c.count + 1,
        "stack_trace": row["stack_trace"],
        "last_occurred_at": row["last_occurred_at"],
    }
    if dialect == "mysql":
        return mysql.insert(ERROR_REPORTS).values(row).on_duplicate_key_update(again)
    return (
        sqlite.insert(ERROR_REPORTS)
        .values(row)
        .on_conflict_do_update(index_elements=list(ERROR_REPORTS.primary_key), set_=again)
    )

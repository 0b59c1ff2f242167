"""Who changed what: a row beside every write, in the same transaction."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.domain.principal import Principal
from lightmill.storage.sql.schema.api import AUDIT_LOG

ENTRY = insert(AUDIT_LOG)
"""Writes what `entry` returns."""


async def record(
    connection: AsyncConnection,
    principal: Principal,
    action: str,
    what: str,
    now: datetime,
    details: Mapping[str, object] | None = None,
) -> None:
    """Write that `principal` did `action` to `what`."""
    await connection.execute(ENTRY, entry(principal, action, what, now, details))


def entry(
    principal: Principal,
    action: str,
    what: str,
    now: datetime,
    details: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Return the row that says that `principal` did `action` to `what`."""
    return {
        "tenant_id": principal.tenant_id,
        "user_id": principal.user_id,
        "action": action,
        "object": what,
        "details": {"token_id": principal.token_id, **(details or {})},
        "created_at": now,
    }

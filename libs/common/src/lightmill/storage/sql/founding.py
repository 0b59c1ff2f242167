"""The rows that a farm starts with: a tenant, an administrator, and their first tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.domain.principal import Role
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import TENANTS, TOKENS, USERS

TENANT = "default"
ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstToken:
    """A token that must be known, without its secret."""

    id: str
    secret_sha256: str
    role: Role


async def found(  # each is a value that only the caller can make
    database: Database,
    *,
    tenant_id: str,
    user_id: str,
    content_key: str,
    tokens: Sequence[FirstToken],
    now: datetime,
) -> None:
    """See that tenant `default`, its user `admin` and `tokens` exist; what exists is kept.

    Args:
        database: Of the present schema.
        tenant_id: Of the tenant if it is new.
        user_id: Of the user if it is new.
        content_key: HMAC key of the tenant's object names if it is new, hex.
        tokens: Belong to the user.
        now: When.
    """
    async with database.transaction() as connection:
        tenant = await _tenant(connection) or tenant_id
        if tenant == tenant_id:
            row = {"id": tenant, "name": TENANT, "content_key": content_key, "created_at": now}
            await connection.execute(insert(TENANTS), row)
        user = await _user(connection, tenant) or user_id
        if user == user_id:
            row = {"id": user, "tenant_id": tenant, "name": ADMIN, "role": Role.ADMIN}
            await connection.execute(insert(USERS), row | {"created_at": now})
        for token in tokens:
            await _know(connection, token, {"tenant_id": tenant, "user_id": user}, now)


async def _tenant(connection: AsyncConnection) -> str | None:
    query = select(TENANTS.c.id).where(TENANTS.c.name == TENANT)
    found: str | None = (await connection.execute(query)).scalar()
    return found


async def _user(connection: AsyncConnection, tenant_id: str) -> str | None:
    query = select(USERS.c.id).where(USERS.c.tenant_id == tenant_id, USERS.c.name == ADMIN)
    found: str | None = (await connection.execute(query)).scalar()
    return found


async def _know(
    connection: AsyncConnection, token: FirstToken, owner: dict[str, str], now: datetime
) -> None:
    query = select(TOKENS.c.id).where(TOKENS.c.id == token.id)
    if (await connection.execute(query)).scalar() is None:
        row = {
            "id": token.id,
            "role": token.role,
            "secret_sha256": token.secret_sha256,
            "created_at": now,
        }
        await connection.execute(insert(TOKENS), row | owner)

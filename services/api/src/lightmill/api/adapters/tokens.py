"""Tokens and users in SQL."""

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from typing_extensions import override

from lightmill.api.adapters.audit import record
from lightmill.api.ports import IssuedToken, StoredToken, Tokens
from lightmill.domain.principal import Principal, Role
from lightmill.runtime.clock import Clock
from lightmill.runtime.ids import new_id
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import TOKENS, USERS


class SqlTokens(Tokens):
    """The tables `tokens` and `users`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @override
    async def find(self, token_id: str) -> StoredToken | None:
        async with self._database.reading() as connection:
            query = select(TOKENS).where(TOKENS.c.id == token_id)
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        principal = Principal(
            tenant_id=row.tenant_id,
            user_id=row.user_id,
            role=Role(row.role),
            token_id=row.id,
            node_id=row.node_id,
        )
        return StoredToken(
            principal=principal,
            secret_sha256=row.secret_sha256,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
        )

    @override
    async def user(self, principal: Principal, name: str, role: Role) -> str:
        query = select(USERS.c.id).where(
            USERS.c.tenant_id == principal.tenant_id, USERS.c.name == name
        )
        user_id, now = new_id(), self._clock.now()
        row = insert(USERS).values(
            id=user_id, tenant_id=principal.tenant_id, name=name, role=role, created_at=now
        )
        async with self._database.reading() as connection:
            found: str | None = (await connection.execute(query)).scalar()
        if found is not None:
            return found
        try:
            async with self._database.transaction() as connection:
                await connection.execute(row)
                await record(connection, principal, "user.create", user_id, now, {"name": name})
        except IntegrityError:  # somebody else has just made the same user
            async with self._database.reading() as connection:
                return str((await connection.execute(query)).scalar_one())
        return user_id

    @override
    async def add(self, principal: Principal, token: IssuedToken) -> None:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            await connection.execute(
                insert(TOKENS).values(
                    id=token.id,
                    tenant_id=principal.tenant_id,
                    user_id=token.user_id,
                    role=token.role,
                    node_id=token.node_id,
                    secret_sha256=token.secret_sha256,
                    created_at=now,
                    expires_at=token.expires_at,
                )
            )
            details = {"role": str(token.role), "user_id": token.user_id, "node_id": token.node_id}
            await record(connection, principal, "token.create", token.id, now, details)

    @override
    async def revoke(self, principal: Principal, token_id: str) -> bool:
        now = self._clock.now()
        mine = (TOKENS.c.id == token_id, TOKENS.c.tenant_id == principal.tenant_id)
        async with self._database.transaction() as connection:
            revoked = await connection.execute(
                update(TOKENS).where(*mine, TOKENS.c.revoked_at.is_(None)).values(revoked_at=now)
            )
            if revoked.rowcount:
                await record(connection, principal, "token.revoke", token_id, now)
                return True
            known = await connection.execute(select(TOKENS.c.id).where(*mine))
            return known.scalar() is not None

"""Knowing a job again that was handed in twice."""

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.api.ports import Fingerprint
from lightmill.domain.principal import Principal
from lightmill.storage.sql.schema.api import IDEMPOTENCY_KEYS

_PREFIX = "content:"


async def remember(
    connection: AsyncConnection,
    principal: Principal,
    fingerprint: Fingerprint,
    job_id: str,
    now: datetime,
) -> str:
    """Return the id of the job with this fingerprint: one that is young enough, or `job_id`.

    Raises:
        IntegrityError: another transaction has just written the same fingerprint.
    """
    mine = (
        IDEMPOTENCY_KEYS.c.tenant_id == principal.tenant_id,
        IDEMPOTENCY_KEYS.c.user_id == principal.user_id,
        IDEMPOTENCY_KEYS.c.idempotency_key == _PREFIX + fingerprint.sha256,
    )
    row = (await connection.execute(select(IDEMPOTENCY_KEYS).where(*mine))).one_or_none()
    if row is not None and row.created_at >= fingerprint.since:
        return str(row.answer)
    if row is not None:
        # Taken over only from the row that was read: of two that come at once, one must see
        # the other's.
        renewed = await connection.execute(
            update(IDEMPOTENCY_KEYS)
            .where(*mine, IDEMPOTENCY_KEYS.c.answer == row.answer)
            .values(answer=job_id, created_at=now)
        )
        if renewed.rowcount:
            return job_id
        fresh = select(IDEMPOTENCY_KEYS.c.answer).where(*mine)
        return str((await connection.execute(fresh)).scalar_one())
    await connection.execute(
        insert(IDEMPOTENCY_KEYS).values(
            tenant_id=principal.tenant_id,
            user_id=principal.user_id,
            idempotency_key=_PREFIX + fingerprint.sha256,
            request_sha256=fingerprint.sha256,
            status=0,
            answer=job_id,
            created_at=now,
        )
    )
    return job_id

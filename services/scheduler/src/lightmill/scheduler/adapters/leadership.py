"""Who leads: one row whose epoch every transaction of the scheduler checks."""

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.scheduler.ports import NotLeaderError
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.scheduler import LEADERSHIP


async def begin_epoch(database: Database, holder: str, now: datetime) -> int:
    """Return the number of the epoch that begins now; every older one is over."""
    async with database.transaction() as connection:
        query = select(LEADERSHIP.c.epoch).where(LEADERSHIP.c.id == 1).with_for_update()
        present = (await connection.execute(query)).scalar()
        if present is None:
            row = {"id": 1, "epoch": 1, "holder": holder, "since": now}
            await connection.execute(insert(LEADERSHIP).values(row))
            return 1
        change = update(LEADERSHIP).values(epoch=present + 1, holder=holder, since=now)
        await connection.execute(change)
        return int(present) + 1


async def check_epoch(connection: AsyncConnection, epoch: int) -> None:
    """Hold the leadership row until the transaction ends.

    Raises:
        NotLeaderError: a newer epoch has begun.
    """
    query = select(LEADERSHIP.c.epoch).where(LEADERSHIP.c.id == 1).with_for_update()
    present = (await connection.execute(query)).scalar()
    if present != epoch:
        raise NotLeaderError(f"epoch {epoch} is over, {present} leads")

"""Who leads: one row whose epoch every transaction of the scheduler checks."""

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.scheduler.ports import NotLeaderError
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.scheduler import LEADERSHIP
from lightmill.storage.sql.script import Script


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


_PRESENT = select(LEADERSHIP.c.epoch).where(LEADERSHIP.c.id == 1).with_for_update()


async def check_epoch(connection: AsyncConnection, epoch: int) -> None:
    """Hold the leadership row until the transaction ends.

    Raises:
        NotLeaderError: a newer epoch has begun.
    """
    _compare((await connection.execute(_PRESENT)).scalar(), epoch)


def begin_with_epoch(script: Script, epoch: int) -> None:
    """Have `script`, which is empty, do what `check_epoch` does, and raise what that raises.

    What follows in it may be executed for an epoch that is over: it goes with the transaction.
    """
    script.add(_PRESENT, {}, lambda answer: _compare(answer.value, epoch))


def _compare(present: int | None, epoch: int) -> None:
    if present != epoch:
        raise NotLeaderError(f"epoch {epoch} is over, {present} leads")

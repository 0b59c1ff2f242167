import asyncio
import random
import sqlite3
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import OperationalError

from lightmill.storage.sql.database import Database, DatabaseUrlError
from lightmill.storage.sql.schema import scheduler
from lightmill.testing.containers import MysqlServer

LEADERSHIP = scheduler.LEADERSHIP
SECRET = "hunter2hunter2"  # noqa: S105  # opens nothing
NOW = datetime(2026, 11, 22, 3, 4, 5, 678901, tzinfo=UTC)


async def add_leader(database: Database, number: int = 1, epoch: int = 1) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            insert(LEADERSHIP).values(id=number, epoch=epoch, holder="a", since=NOW)
        )


async def epoch_of(database: Database) -> int:
    async with database.reading() as connection:
        epoch: int = (await connection.execute(select(LEADERSHIP.c.epoch))).scalar_one()
        return epoch


async def count(database: Database) -> int:
    async with database.reading() as connection:
        return (
            await connection.execute(select(func.count()).select_from(LEADERSHIP))
        ).scalar_one()


async def test_a_transaction_is_kept(database: Database) -> None:
    await add_leader(database)
    assert await count(database) == 1


async def test_moments_come_back_aware_with_microseconds(database: Database) -> None:
    await add_leader(database)
    async with database.reading() as connection:
        assert (await connection.execute(select(LEADERSHIP.c.since))).scalar_one() == NOW


async def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as connection:
            await connection.execute(
                insert(LEADERSHIP).values(id=1, epoch=1, holder="a", since=NOW)
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await count(database) == 0


async def test_readers_see_what_is_committed_and_never_wait(database: Database) -> None:
    await add_leader(database)
    async with database.transaction() as connection:
        await connection.execute(update(LEADERSHIP).values(epoch=2))
        assert await epoch_of(database) == 1
    assert await epoch_of(database) == 2


async def test_one_read_connection_sees_later_commits(database: Database) -> None:
    await add_leader(database)
    async with database.reading() as connection:
        assert (await connection.execute(select(LEADERSHIP.c.epoch))).scalar_one() == 1
        async with database.transaction() as writing:
            await writing.execute(update(LEADERSHIP).values(epoch=2))
        assert (await connection.execute(select(LEADERSHIP.c.epoch))).scalar_one() == 2


async def test_what_was_locked_and_read_is_still_true_when_written(database: Database) -> None:
    """Twenty tasks read, then write: no increment is lost."""
    await add_leader(database, epoch=0)

    async def increment() -> None:
        async with database.transaction() as connection:
            query = select(LEADERSHIP.c.epoch).with_for_update()
            epoch = (await connection.execute(query)).scalar_one()
            await asyncio.sleep(0)
            await connection.execute(update(LEADERSHIP).values(epoch=epoch + 1))

    await asyncio.gather(*(increment() for _ in range(20)))
    assert await epoch_of(database) == 20


async def test_statements_are_counted(database: Database) -> None:
    before = database.statements
    await add_leader(database)
    await count(database)
    assert database.statements - before == 2


async def test_many_rows_are_one_statement(database: Database) -> None:
    before = database.statements
    rows = [{"id": n, "epoch": 1, "holder": "a", "since": NOW} for n in range(500)]
    async with database.transaction() as connection:
        await connection.execute(insert(LEADERSHIP), rows)
    assert database.statements - before == 1
    assert await count(database) == 500


async def test_cancelled_transactions_leave_the_pool_healthy(database: Database) -> None:
    """Cancelled anywhere, a transaction is either whole or not there, and the next one works."""
    draw = random.Random(4)  # noqa: S311  # seeded on purpose
    finished = 0

    async def two_rows(number: int) -> None:
        nonlocal finished
        async with database.transaction() as connection:
            for half in (2 * number, 2 * number + 1):
                await connection.execute(
                    insert(LEADERSHIP).values(id=half, epoch=number, holder="a", since=NOW)
                )
        finished += 1

    for number in range(150):
        task = asyncio.create_task(two_rows(number))
        await asyncio.wait([task], timeout=draw.random() * 0.006)
        task.cancel()
        await asyncio.wait([task])

    await asyncio.wait_for(two_rows(1000), 30)
    async with database.reading() as connection:
        halves = select(LEADERSHIP.c.epoch, func.count()).group_by(LEADERSHIP.c.epoch)
        kept = (await connection.execute(halves)).all()
    assert {number for _, number in kept} == {2}
    assert finished <= len(kept)


async def test_cancelled_reads_leave_the_pool_healthy(database: Database) -> None:
    await add_leader(database, epoch=7)
    draw = random.Random(5)  # noqa: S311  # seeded on purpose
    for _ in range(100):
        task = asyncio.create_task(epoch_of(database))
        await asyncio.wait([task], timeout=draw.random() * 0.002)
        task.cancel()
        await asyncio.wait([task])
    assert [await epoch_of(database) for _ in range(20)] == [7] * 20


async def test_the_writer_of_sqlite_begins_immediate(sqlite_database: Database) -> None:
    """Even before its first write, so that nobody writes between its reads and its writes."""
    async with sqlite_database.transaction() as connection:
        await connection.execute(select(LEADERSHIP))
        other = sqlite3.connect(str(sqlite_database.url.database), timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("foreign_keys", 1), ("synchronous", 2)]
)
async def test_sqlite_is_durable_and_strict(
    sqlite_database: Database, pragma: str, value: object
) -> None:
    async with sqlite_database.transaction() as connection:
        assert (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar() == value


@pytest.mark.backing
async def test_mysql_reads_what_is_committed(mysql_database: Database) -> None:
    async with mysql_database.transaction() as connection:
        answer = await connection.exec_driver_sql("SELECT @@transaction_isolation")
        assert answer.scalar() == "READ-COMMITTED"


@pytest.mark.backing
async def test_mysql_soon_drops_a_transaction_whose_process_is_frozen(
    mysql_database: Database,
) -> None:
    async with mysql_database.transaction() as connection:
        silence = (await connection.exec_driver_sql("SELECT @@SESSION.wait_timeout")).scalar()
    assert silence == 30


@pytest.mark.backing
async def test_mysql_connections_that_were_killed_are_replaced(
    mysql_server: MysqlServer, mysql_schema: str, mysql_database: Database
) -> None:
    url, password = mysql_server.url(mysql_schema), mysql_server.password
    database = Database.open(url, password, fresh_seconds=0.0)
    async with database.reading() as connection:
        mine = (await connection.exec_driver_sql("SELECT CONNECTION_ID()")).scalar_one()
    async with mysql_database.alone() as connection:
        await connection.exec_driver_sql(f"KILL {mine}")
    assert await count(database) == 0
    await database.close()


@pytest.mark.backing
async def test_mysql_connections_that_were_killed_a_moment_ago_cost_one_error(
    mysql_server: MysqlServer, mysql_schema: str, mysql_database: Database
) -> None:
    url, password = mysql_server.url(mysql_schema), mysql_server.password
    database = Database.open(url, password, fresh_seconds=600)  # so long is a moment here
    async with database.reading() as connection:
        mine = (await connection.exec_driver_sql("SELECT CONNECTION_ID()")).scalar_one()
    async with mysql_database.alone() as connection:
        await connection.exec_driver_sql(f"KILL {mine}")
    with pytest.raises(OperationalError):
        await count(database)
    assert await count(database) == 0
    await database.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://a@b/c",
        "sqlite+aiosqlite:///:memory:",
        "mysql+asyncmy://u@h",
        "sqlite:///x.db",
    ],
)
def test_other_urls_are_refused_with_an_example(url: str) -> None:
    with pytest.raises(DatabaseUrlError, match=r"mysql\+asyncmy://user@host"):
        Database.open(url)


def test_the_password_is_never_printed() -> None:
    database = Database.open("mysql+asyncmy://user@host/lightmill", SECRET)
    assert SECRET not in str(database.url)
    assert database.url.password == SECRET

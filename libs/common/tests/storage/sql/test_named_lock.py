import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from lightmill.storage.sql.database import Database
from lightmill.storage.sql.named_lock import NamedLock
from lightmill.testing.containers import MysqlServer
from lightmill.testing.databases import create_schema


async def test_one_holds_it_at_a_time(database: Database) -> None:
    inside = 0

    async def enter() -> None:
        nonlocal inside
        async with NamedLock(database, "leader").held():
            inside += 1
            assert inside == 1
            await asyncio.sleep(0.01)
            inside -= 1

    await asyncio.wait_for(asyncio.gather(*(enter() for _ in range(4))), 20)


async def test_another_name_is_another_lock(database: Database) -> None:
    async with NamedLock(database, "migration").held(), asyncio.timeout(5):
        await _hold_once(database)


async def test_one_who_was_cancelled_while_waiting_leaves_it_to_others(database: Database) -> None:
    async with NamedLock(database, "leader").held():
        waiting = asyncio.create_task(_hold_once(database))
        await asyncio.wait([waiting], timeout=0.2)
        waiting.cancel()
        await asyncio.wait([waiting])
    await asyncio.wait_for(_hold_once(database), 10)


async def test_the_guard_holds_while_nothing_happens_and_not_afterwards(
    database: Database,
) -> None:
    async with NamedLock(database, "leader").held() as guard:
        lost = asyncio.create_task(guard.lost())
        done, _ = await asyncio.wait([lost], timeout=1.2)
        assert not done
        assert guard.holds
    await asyncio.wait_for(lost, 1)
    assert not guard.holds


def test_a_name_that_mysql_would_refuse_is_refused_at_once(tmp_path: Path) -> None:
    database = Database.open(f"sqlite+aiosqlite:///{tmp_path}/farm.db")
    with pytest.raises(ValueError, match="longer than 64"):
        NamedLock(database, "n" * 60)


@pytest.mark.backing
async def test_a_killed_connection_is_noticed_within_about_a_second(
    mysql_database: Database,
) -> None:
    loop = asyncio.get_running_loop()
    async with NamedLock(mysql_database, "leader").held() as guard:
        await _kill_holder(mysql_database)
        start = loop.time()
        await asyncio.wait_for(guard.lost(), 5)
        assert loop.time() - start < 1.5
        await asyncio.wait_for(_hold_once(mysql_database), 5)


@pytest.mark.backing
async def test_a_server_that_hangs_is_noticed_within_about_a_second(
    mysql_server: MysqlServer, mysql_database: Database
) -> None:
    loop = asyncio.get_running_loop()
    async with NamedLock(mysql_database, "leader").held() as guard:
        docker = mysql_server.container.get_wrapped_container()
        await asyncio.to_thread(docker.pause)
        try:
            start = loop.time()
            await asyncio.wait_for(guard.lost(), 10)
            assert loop.time() - start < 2
        finally:
            await asyncio.to_thread(docker.unpause)


@pytest.mark.backing
@pytest.mark.slow
async def test_mysql_takes_it_from_a_holder_that_has_frozen(mysql_database: Database) -> None:
    """A stopped process keeps its connection open; its silence gives it away."""
    async with mysql_database.alone() as frozen:
        lock = NamedLock(mysql_database, "leader")
        await lock.take(frozen)
        await asyncio.wait_for(_hold_once(mysql_database), 15)


@pytest.mark.backing
async def test_each_schema_has_names_of_its_own(
    mysql_server: MysqlServer, mysql_database: Database
) -> None:
    name = f"{mysql_database.url.database}_other"
    await create_schema(mysql_server, name)
    other = Database.open(mysql_server.url(name), mysql_server.password)
    async with NamedLock(mysql_database, "leader").held(), asyncio.timeout(5):
        await _hold_once(other)
    await other.close()


async def _hold_once(database: Database) -> None:
    async with NamedLock(database, "leader").held():
        pass


async def _kill_holder(database: Database) -> None:
    async with database.alone() as connection:
        name = f"{database.url.database}.leader"
        query = text("SELECT IS_USED_LOCK(:name)")
        holder = (await connection.execute(query, {"name": name})).scalar_one()
        await connection.execute(text(f"KILL {int(holder)}"))

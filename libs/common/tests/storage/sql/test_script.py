"""What a transaction says in one piece, on both databases."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from lightmill.storage.sql import bulk
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.scheduler import GIVEN_BACK, LIMIT_STATES, OUTLOOKS
from lightmill.storage.sql.script import Answer, Script

NOW = datetime(2026, 11, 22, 12, 0, 0, 5, tzinfo=UTC)
LIMIT = insert(LIMIT_STATES)


def limit(name: str) -> dict[str, object]:
    return {"name": name, "ceiling": 1, "moved_at": NOW}


async def run(database: Database, script: Script) -> list[Answer]:
    async with database.transaction() as connection:
        return await script.run(connection)


async def names(database: Database) -> list[str]:
    async with database.reading() as connection:
        query = select(LIMIT_STATES.c.name).order_by(LIMIT_STATES.c.name)
        return list((await connection.execute(query)).scalars())


class NotAsExpectedError(Exception):
    """What a statement was to find is not there."""


def expect_none(answer: Answer) -> None:
    if answer.value:
        raise NotAsExpectedError


async def test_each_statement_gets_its_own_answer(database: Database) -> None:
    script = Script()
    rows = [limit("a"), limit("b's \\ %s :name"), limit("c")]
    for statement, parameters in bulk.adding(database.dialect, LIMIT_STATES, rows):
        script.add(statement, parameters)
    script.add(select(func.count()).select_from(LIMIT_STATES), {})
    script.add(LIMIT, limit("d"))
    added, counted, one = await run(database, script)
    assert (added.count, counted.value, one.count) == (3, 3, 1)
    assert await names(database) == ["a", "b's \\ %s :name", "c", "d"]


async def test_a_script_without_statements_says_nothing(database: Database) -> None:
    assert await run(database, Script()) == []


async def test_what_is_not_as_expected_takes_everything_back(database: Database) -> None:
    script = Script()
    script.add(LIMIT, limit("a"))
    script.add(select(func.count()).select_from(LIMIT_STATES), {}, expect_none)
    script.add(LIMIT, limit("b"))
    with pytest.raises(NotAsExpectedError):
        await run(database, script)
    assert await names(database) == []


async def test_an_expectation_comes_before_the_error_of_a_later_statement(
    database: Database,
) -> None:
    script = Script()
    script.add(LIMIT, limit("a"))
    script.add(select(func.count()).select_from(LIMIT_STATES), {}, expect_none)
    script.add(LIMIT, limit("a"))
    with pytest.raises(NotAsExpectedError):
        await run(database, script)


async def test_a_statement_that_fails_takes_everything_back(database: Database) -> None:
    script = Script()
    for name in ("a", "a", "b"):
        script.add(LIMIT, limit(name))
    with pytest.raises(DBAPIError):
        await run(database, script)
    assert await names(database) == []
    again = Script()
    again.add(LIMIT, limit("a"))
    await run(database, again)
    assert await names(database) == ["a"]


async def test_rows_are_found_by_names_and_by_names_with_numbers(database: Database) -> None:
    back = {"not_before": NOW, "failures": 0, "tries": 1, "avoid_node": None}
    rows = [{"step_id": step, "ordinal": n, **back} for step in ("a", "b'\\") for n in range(3)]
    told: dict[str, object] = {"tenant_id": "t", "reasons": []}
    told |= dict.fromkeys(("earliest", "expected", "latest"))
    async with database.transaction() as connection:
        await bulk.add(connection, GIVEN_BACK, rows)
        await bulk.add(connection, OUTLOOKS, [{"job_id": n, **told, "at": NOW} for n in "xyz"])
    script = Script()
    keys = (GIVEN_BACK.c.step_id, GIVEN_BACK.c.ordinal)
    taken = GIVEN_BACK.delete().where(bulk.among(database.dialect, *keys))
    script.add(taken, bulk.listed(database.dialect, [("a", 1), ("b'\\", 2), ("c", 0)]))
    gone = OUTLOOKS.delete().where(bulk.among(database.dialect, OUTLOOKS.c.job_id))
    script.add(gone, bulk.listed(database.dialect, ["x", "z", "w"]))
    assert [answer.count for answer in await run(database, script)] == [2, 2]
    async with database.reading() as connection:
        left = [tuple(row) for row in await connection.execute(select(*keys).order_by(*keys))]
    assert left == [("a", 0), ("a", 2), ("b'\\", 0), ("b'\\", 1)]


@pytest.mark.backing
async def test_it_is_one_visit_to_mysql_however_much_it_says(mysql_database: Database) -> None:
    script = Script()
    for number in range(20):
        script.add(LIMIT, limit(f"{number:03}"))
    before = mysql_database.statements
    await run(mysql_database, script)
    assert mysql_database.statements - before == 1
    assert len(await names(mysql_database)) == 20


@pytest.mark.backing
async def test_more_than_a_piece_holds_leaves_in_several(mysql_database: Database) -> None:
    script = Script()
    told: dict[str, object] = {"tenant_id": "t", "at": NOW}
    told |= dict.fromkeys(("earliest", "expected", "latest"))
    long = ["画" * 2**21]
    for name in "abcde":
        rows = [{"job_id": name, "reasons": long, **told}]
        for statement, parameters in bulk.adding("mysql", OUTLOOKS, rows):
            script.add(statement, parameters)
    before = mysql_database.statements
    assert [answer.count for answer in await run(mysql_database, script)] == [1] * 5
    assert mysql_database.statements - before == 2


@pytest.mark.backing
async def test_an_error_does_not_show_what_was_to_be_written(mysql_database: Database) -> None:
    script = Script()
    for _ in range(2):
        script.add(LIMIT, limit("a name of somebody's"))
    with pytest.raises(SQLAlchemyError) as raised:
        await run(mysql_database, script)
    assert "INSERT" not in str(raised.value)

"""Many rows in one statement, on both databases."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Table, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from lightmill.storage.sql import bulk
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.scheduler import GIVEN_BACK, JOB_STATES, OUTBOX, TASKS

NOON = datetime(2026, 11, 22, 12, 0, 0, 5, tzinfo=UTC)
TOKYO = timezone(timedelta(hours=9))


def task(number: int, **more: object) -> dict[str, object]:
    return {
        "id": f"task-{number}",
        "tenant_id": "tenant",
        "owner_id": "owner",
        "job_id": "job",
        "step_id": f"step {number % 2}",
        "ordinals": [number, number + 1],
        "frames": [1, 2],
        "state": "ASSIGNED",
        "node_id": "node",
        "attempt_id": f"attempt-{number}",
        "priority": number - 5,
        "progress": number / 8,
        "failures": 0,
        "tries": 0,
        "error": None if number % 2 else f'"Ünï" \\ \' 画面 %s :name {number}',
        "created_at": (NOON + timedelta(microseconds=number)).astimezone(TOKYO),
        "started_at": NOON if number % 3 else None,
        **more,
    }


async def found(database: Database, table: Table) -> list[Any]:
    order = list(table.primary_key)
    async with database.reading() as connection:
        return [row._asdict() for row in await connection.execute(select(table).order_by(*order))]


async def add(database: Database, table: Table, rows: list[dict[str, object]]) -> None:
    async with database.transaction() as connection:
        await bulk.add(connection, table, rows)


@pytest.mark.parametrize("count", [0, 1, 2, 9])
async def test_what_is_added_is_read_back_as_it_was(database: Database, count: int) -> None:
    rows = [task(number) for number in range(count)]
    await add(database, TASKS, rows)
    assert await found(database, TASKS) == [row | {"finished_at": None} for row in rows]


async def test_all_rows_of_a_call_are_one_statement(database: Database) -> None:
    rows = [task(number) for number in range(500)]
    before = database.statements
    await add(database, TASKS, rows)
    assert database.statements - before == 1
    assert len(await found(database, TASKS)) == 500


async def test_rows_beyond_one_statement_are_written_too(database: Database) -> None:
    rows = [
        {"step_id": "step", "ordinal": n, "not_before": NOON, "failures": 0, "tries": 1}
        | {"avoid_node": None}
        for n in range(5001)
    ]
    await add(database, GIVEN_BACK, rows)
    assert [row["ordinal"] for row in await found(database, GIVEN_BACK)] == list(range(5001))


async def test_moments_sort_beside_those_that_were_written_one_by_one(database: Database) -> None:
    await add(database, TASKS, [task(1), task(2, created_at=NOON.replace(microsecond=0))])
    async with database.reading() as connection:
        query = select(TASKS.c.id).where(NOON.replace(microsecond=0) < TASKS.c.created_at)
        assert list((await connection.execute(query)).scalars()) == ["task-1"]


async def test_bytes_and_documents_are_kept(database: Database) -> None:
    bodies = ['{"name":"画面 \\"1\\""}'.encode(), b"{}", "\U0001f600 \\u0000".encode()]
    rows = [
        {
            "effect": "publish",
            "exchange": "e",
            "routing_key": "k",
            "kind": "k",
            "mandatory": 0,
            "version": 1,
            "headers": {"traceparent": str(number)},
            "body": body,
            "created_at": NOON,
        }
        for number, body in enumerate(bodies)
    ]
    await add(database, OUTBOX, rows)
    kept = await found(database, OUTBOX)
    assert [bytes(row["body"]) for row in kept] == bodies
    assert [row["headers"]["traceparent"] for row in kept] == ["0", "1", "2"]
    assert [row["id"] for row in kept] == sorted(row["id"] for row in kept)


def job(number: int, **more: object) -> dict[str, object]:
    counts = (
        "priority",
        "applied_version",
        "applied_retries",
        "applied_cleanups",
        "frames",
        "succeeded",
    )
    return {
        "job_id": f"job-{number}",
        "tenant_id": "tenant",
        "owner_id": "owner",
        "state": "PENDING",
        "paused": bool(number % 2),
        **dict.fromkeys((*counts, "failed", "running"), number),
        "progress": 0.5,
        "error": None,
        "version": 2**40 + number,
        "created_at": NOON,
        "started_at": None,
        "finished_at": NOON if number else None,
        "updated_at": NOON,
        **more,
    }


async def test_what_is_put_overwrites_what_is_there_but_for_what_it_keeps(
    database: Database,
) -> None:
    later = [job(1, state="FAILED", frames=8), job(2, state="FAILED", frames=9)]
    async with database.transaction() as connection:
        await bulk.put(connection, JOB_STATES, [job(0), job(1)])
        await bulk.put(connection, JOB_STATES, later, keep=("frames",))
    assert await found(database, JOB_STATES) == [job(0), later[0] | {"frames": 1}, later[1]]


async def test_a_row_that_is_there_already_is_an_error(database: Database) -> None:
    await add(database, TASKS, [task(1)])
    with pytest.raises(SQLAlchemyError):
        await add(database, TASKS, [task(2), task(1)])
    assert len(await found(database, TASKS)) == 1


@pytest.mark.backing
async def test_what_does_not_fit_its_column_is_an_error(mysql_database: Database) -> None:
    with pytest.raises(DBAPIError):
        await add(mysql_database, TASKS, [task(1), task(2, node_id="n" * 37)])
    assert await found(mysql_database, TASKS) == []

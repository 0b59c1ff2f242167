"""A job of which the database takes something never: it fails in words, and the farm goes on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from services.scheduler.tests.service import running
from services.scheduler.tests.test_service import ended, online, ring, rows, scheduler, submit
from sqlalchemy import select, text, update

from lightmill.runtime.parts import Parts
from lightmill.scheduler.adapters.refusal import telling
from lightmill.scheduler.ports import NotLeaderError, RefusedError
from lightmill.scheduler.simulation.invented_node import machine
from lightmill.scheduler.simulation.online_node import OnlineNode
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import (
    ATTEMPTS,
    ERROR_REPORTS,
    HISTORY,
    JOB_STATES,
    LEADERSHIP,
    RESULTS,
    STEPS,
)

LONG = "s" * 300
"""Characters of a step's name, for which rows have 255."""


async def put_name(parts: Parts, job_id: str, name: str, **more: object) -> None:
    """Give the only step of a job another name, past the api."""
    job = JOBS.c.id == job_id
    async with parts.database.transaction() as connection:
        spec = (await connection.execute(select(JOBS.c.spec).where(job))).scalar_one()
        spec["steps"][0]["name"] = name
        await connection.execute(update(JOBS).where(job).values(spec=spec, **more))


@asynccontextmanager
async def refusing(parts: Parts, table: str, rule: str) -> AsyncIterator[None]:
    """Have the database refuse rows of `table` of which `rule` is true (columns as `{}name`)."""
    if parts.database.dialect == "mysql":
        made = (
            f"ALTER TABLE {table} ADD CONSTRAINT refusing CHECK (NOT ({rule.format(*[''] * 2)}))"
        )
        gone = f"ALTER TABLE {table} DROP CHECK refusing"
    else:
        made = (
            f"CREATE TRIGGER refusing BEFORE INSERT ON {table} WHEN {rule.format(*['NEW.'] * 2)}"
            " BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
        gone = "DROP TRIGGER refusing"
    await _do(parts, made)
    try:
        yield
    finally:
        await _do(parts, gone)


async def _do(parts: Parts, statement: str) -> None:
    async with parts.database.transaction() as connection:
        await connection.execute(text(statement))


@asynccontextmanager
async def short_names(parts: Parts) -> AsyncIterator[None]:
    """Hold SQLite to the length of a step's name, as MySQL holds itself."""
    if parts.database.dialect == "mysql":
        yield
        return
    async with refusing(parts, "steps", "length({}name) > 255 AND {}name <> ''"):
        yield


async def test_the_others_of_the_same_turn_are_rendered_once(parts: Parts) -> None:
    node = OnlineNode(machine("a", 2), parts.broker)
    jobs = [await submit(parts, "1-3", doorbell=False) for _ in range(5)]
    bad = jobs.pop(2)
    await put_name(parts, bad, LONG)
    async with short_names(parts), running(scheduler(parts), online(node)):
        await ended(parts, bad, "FAILED")
        for job_id in jobs:
            await ended(parts, job_id)
        await ended(parts, await submit(parts, "1-3"))
    for job_id in jobs:
        frames = sorted(row.frame for row in await rows(parts, RESULTS, job_id=job_id))
        assert frames == [1, 2, 3]
        assert {row.state for row in await rows(parts, ATTEMPTS, job_id=job_id)} == {"SUCCEEDED"}
    assert not await rows(parts, STEPS, job_id=bad)


async def test_its_owner_and_the_keeper_are_told_why_in_words(parts: Parts) -> None:
    bad = await submit(parts, "1-3", doorbell=False)
    await put_name(parts, bad, LONG)
    async with short_names(parts), running(scheduler(parts)):
        await ended(parts, bad, "FAILED")
    (state,) = await rows(parts, JOB_STATES, job_id=bad)
    assert state.error.startswith("the database refuses what the scheduler has to write")
    assert "submit the job again" in state.error
    assert (state.applied_version, state.frames, state.failed) == (1, 3, 3)
    (report,) = await rows(parts, ERROR_REPORTS, error_type="RefusedJob")
    assert bad in report.stack_trace
    (line,) = await rows(parts, HISTORY, job_id=bad)
    assert (line.entity, line.became, line.why) == ("job", "FAILED", state.error)


async def test_the_leader_that_comes_after_stays(parts: Parts) -> None:
    node = OnlineNode(machine("a", 2), parts.broker)
    bad = await submit(parts, "1-3", doorbell=False)
    await put_name(parts, bad, LONG)
    async with short_names(parts):
        async with running(scheduler(parts), online(node)):
            await ended(parts, bad, "FAILED")
            await ended(parts, await submit(parts, "1-3"))
            (before,) = await rows(parts, LEADERSHIP)
            await ring(parts, bad)
            await ended(parts, await submit(parts, "1-3"))
            assert await rows(parts, LEADERSHIP) == [before]
        async with running(scheduler(parts), online(node)):
            await ended(parts, await submit(parts, "1-3"))
            assert (await rows(parts, LEADERSHIP))[0].epoch == before.epoch + 1


async def test_what_it_had_rendered_stays_and_a_retry_renders_the_rest(parts: Parts) -> None:
    node = OnlineNode(machine("a", 2), parts.broker)
    bad = await submit(parts, "1-10", doorbell=False)
    rule = f"{{}}frame = 7 AND {{}}job_id = '{bad}'"
    async with refusing(parts, "results", rule), running(scheduler(parts), online(node)):
        await ended(parts, bad, "FAILED")
        await ended(parts, await submit(parts, "1-10"))
    kept = await rows(parts, RESULTS, job_id=bad)
    assert {row.state for row in await rows(parts, STEPS, job_id=bad)} == {"FAILED"}
    assert not await rows(parts, ATTEMPTS, job_id=bad, ended_at=None)
    await _retry(parts, bad)
    async with running(scheduler(parts), online(node)):
        await ended(parts, bad)
    results = await rows(parts, RESULTS, job_id=bad)
    assert sorted(row.frame for row in results) == list(range(1, 11))
    assert set(kept) <= set(results)


async def test_one_that_was_never_taken_in_is_taken_in_by_a_retry(parts: Parts) -> None:
    node = OnlineNode(machine("a", 2), parts.broker)
    bad = await submit(parts, "1-3", doorbell=False)
    await put_name(parts, bad, LONG)
    async with short_names(parts), running(scheduler(parts), online(node)):
        await ended(parts, bad, "FAILED")
        await put_name(parts, bad, "frames")
        await _retry(parts, bad)
        await ended(parts, bad)
    assert len(await rows(parts, RESULTS, job_id=bad)) == 3


async def _retry(parts: Parts, job_id: str) -> None:
    async with parts.database.transaction() as connection:
        wanted = {"retries_wanted": 1, "version": 2, "updated_at": parts.clock.now()}
        await connection.execute(update(JOBS).where(JOBS.c.id == job_id).values(wanted))


async def test_a_table_that_is_missing_is_no_jobs_fault(parts: Parts) -> None:
    with pytest.raises(NotLeaderError) as raised, telling():
        await _do(parts, "INSERT INTO nowhere VALUES (1)")
    assert not isinstance(raised.value, RefusedError)


async def test_a_row_that_is_there_already_is_a_refusal(parts: Parts) -> None:
    job_id = await submit(parts, "1", doorbell=False)
    again = f"INSERT INTO jobs SELECT * FROM jobs WHERE id = '{job_id}'"  # noqa: S608  # our own id
    with pytest.raises(RefusedError), telling():
        await _do(parts, again)


def test_a_connection_that_is_lost_is_no_refusal() -> None:
    with pytest.raises(NotLeaderError) as raised, telling():
        raise ConnectionResetError("gone")
    assert not isinstance(raised.value, RefusedError)

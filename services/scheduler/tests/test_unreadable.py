"""A job whose row cannot be read fails with a reason, and the farm goes on."""

import pytest
from services.scheduler.tests.service import running, until
from services.scheduler.tests.test_service import ended, online, ring, rows, scheduler, submit
from sqlalchemy import update

from lightmill.messages.node_report import Outcome
from lightmill.runtime.parts import Parts
from lightmill.scheduler.adapters.given_up import UNREADABLE_JOB, GivenUpJobs
from lightmill.scheduler.adapters.leadership import begin_epoch
from lightmill.scheduler.ports import NotLeaderError
from lightmill.scheduler.simulation.invented_node import machine
from lightmill.scheduler.simulation.online_node import OnlineNode, at_once, never
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import ATTEMPTS, ERROR_REPORTS, JOB_STATES, STEPS


async def garble(parts: Parts, job_id: str, **more: object) -> None:
    async with parts.database.transaction() as connection:
        change = update(JOBS).where(JOBS.c.id == job_id)
        await connection.execute(change.values(spec={"work": 7}, **more))


async def test_a_job_that_cannot_be_read_fails_and_the_next_is_rendered(parts: Parts) -> None:
    node = OnlineNode(machine("a", 2), parts.broker)
    broken = await submit(parts, "1-3", doorbell=False)
    await garble(parts, broken)
    async with running(scheduler(parts), online(node)):
        await ring(parts, broken)
        await ended(parts, broken, "FAILED")
        await ended(parts, await submit(parts, "1-3"))
    (state,) = await rows(parts, JOB_STATES, job_id=broken)
    assert state.error.startswith("the scheduler cannot read what this job asks for")
    assert "work" in state.error
    assert (state.applied_version, state.frames, state.failed) == (1, 3, 3)
    (report,) = await rows(parts, ERROR_REPORTS, error_type="UnreadableJob")
    assert broken in report.stack_trace


async def test_a_running_job_that_cannot_be_read_any_more_does_not_stop_a_take_over(
    parts: Parts,
) -> None:
    node = OnlineNode(machine("a", 2), parts.broker, renders=never)

    async def begun() -> bool:
        return len(await rows(parts, ATTEMPTS, job_id=broken, state="RUNNING")) > 0

    async with running(online(node)):
        async with running(scheduler(parts)):
            broken = await submit(parts, "1-10")
            await until(begun)
        await garble(parts, broken)
        node.renders = at_once
        async with running(scheduler(parts)):
            await ended(parts, broken, "FAILED")
            await ended(parts, await submit(parts, "1-3"))
    assert {row.state for row in await rows(parts, STEPS, job_id=broken)} == {"FAILED"}
    assert {row.state for row in await rows(parts, ATTEMPTS, job_id=broken)} == {"CANCELLED"}


async def test_a_job_that_has_ended_stays_as_it_is(parts: Parts) -> None:
    node = OnlineNode(machine("a", 2), parts.broker, renders=lambda _: Outcome.SUCCEEDED)

    async def applied() -> bool:
        return [row.applied_version for row in await rows(parts, JOB_STATES, job_id=job)] == [2]

    async with running(scheduler(parts), online(node)):
        job = await submit(parts, "1-3")
        await ended(parts, job)
        await garble(parts, job, version=2, cleanups_wanted=1, updated_at=parts.clock.now())
        await ring(parts, job)
        await until(applied)
    (state,) = await rows(parts, JOB_STATES, job_id=job)
    assert (state.state, state.succeeded, state.error) == ("COMPLETED", 3, None)


async def test_a_deposed_leader_fails_nothing(parts: Parts) -> None:
    job = await submit(parts, "1", doorbell=False)
    old = await begin_epoch(parts.database, "old", parts.clock.now())
    await begin_epoch(parts.database, "new", parts.clock.now())
    given_up = GivenUpJobs(parts.database, parts.clock, epoch=old)
    with pytest.raises(NotLeaderError):
        await given_up.fail(UNREADABLE_JOB, {job: "?"})
    assert not await rows(parts, JOB_STATES)

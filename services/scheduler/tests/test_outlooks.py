"""What jobs may expect lies in its table, for the api to read."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from services.scheduler.tests.service import running, until
from sqlalchemy import insert, select, update

from lightmill.domain.frames import FrameSet
from lightmill.domain.job import JobSpec, StepSpec, Work
from lightmill.domain.states import JobState
from lightmill.runtime.parts import Parts
from lightmill.scheduler.config import SchedulerSettings
from lightmill.scheduler.factory import run
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import JOB_STATES, OUTLOOKS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = {
    "id": "job",
    "tenant_id": "tenant",
    "owner_id": "owner",
    "user_label": "ann",
    "name": "job",
    "kind": "scene",
    "pool": "default",
    "frame_count": 3,
    "wanted": "RUN",
    "paused": False,
    "approved": False,
    "priority": 1,
    "retries_wanted": 0,
    "cleanups_wanted": 0,
    "version": 1,
    "created_at": NOW,
    "updated_at": NOW,
}


async def outlooks(parts: Parts) -> list[Any]:
    async with parts.database.reading() as connection:
        return list((await connection.execute(select(OUTLOOKS))).all())


async def cancelled(parts: Parts) -> bool:
    async with parts.database.reading() as connection:
        return (
            await connection.execute(select(JOB_STATES.c.state))
        ).scalar() == JobState.CANCELLED


async def test_why_a_job_waits_is_written_and_forgotten_with_its_end(parts: Parts) -> None:
    spec = JobSpec(
        work=Work(engine="blender"),
        steps=(StepSpec(name="frames", frames=FrameSet.parse("1-3")),),
    )
    document = TypeAdapter(JobSpec).dump_python(spec, mode="json")
    async with parts.database.transaction() as connection:
        await connection.execute(insert(JOBS).values({**JOB, "spec": document}))
    settings = SchedulerSettings(name="one", beat=0.05, sweep=0.1)
    async with running(run(settings, parts, asyncio.Event())):

        async def told() -> bool:
            return bool(await outlooks(parts))

        await until(told)
        (row,) = await outlooks(parts)
        assert (row.job_id, row.tenant_id, row.expected) == ("job", "tenant", None)
        assert row.reasons == [
            {
                "kind": "no_node",
                "text": "The farm has no nodes.",
                "fields": {"step": "frames", "obstacles": {}},
            }
        ]
        async with parts.database.transaction() as connection:
            now = parts.clock.now()
            change = {"wanted": "CANCEL", "version": 2, "updated_at": now}
            await connection.execute(update(JOBS).values(change))
        await until(lambda: cancelled(parts))
        assert await outlooks(parts) == []

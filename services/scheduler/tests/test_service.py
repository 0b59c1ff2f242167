"""The whole scheduler service against invented nodes, through database and broker."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter
from services.scheduler.tests.service import running, until
from sqlalchemy import Table, func, insert, select, update
from typing_extensions import override

from lightmill.broker.ports import Outgoing
from lightmill.domain.failures import RetryPolicy
from lightmill.domain.frames import FrameSet
from lightmill.domain.job import JobSpec, Work, steps_with_test
from lightmill.domain.resources import Needs
from lightmill.domain.results import attempt_prefix
from lightmill.messages.job_wanted import JobWanted
from lightmill.messages.node_report import Outcome
from lightmill.runtime.clock import Clock
from lightmill.runtime.ids import new_id
from lightmill.runtime.parts import Parts
from lightmill.runtime.persistence import again_and_again
from lightmill.scheduler.config import SchedulerSettings
from lightmill.scheduler.factory import run
from lightmill.scheduler.simulation.invented_node import machine
from lightmill.scheduler.simulation.online_node import WORKSPACE, OnlineNode, at_once, never
from lightmill.storage.cache.memory import MemoryStatusCache
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import (
    ATTEMPTS,
    ERROR_REPORTS,
    FAILED_ORDINALS,
    HISTORY,
    JOB_STATES,
    LEADERSHIP,
    OUTBOX,
    RESULTS,
    TASKS,
    WORKSPACES_FREED,
)

SETTINGS = SchedulerSettings(beat=0.2, sweep=0.5, name="test")
SPEC = TypeAdapter(JobSpec)


def scheduler(parts: Parts) -> Awaitable[None]:
    return run(SETTINGS, parts, asyncio.Event())


async def online(node: OnlineNode) -> None:
    await again_and_again(node.session)


async def submit(parts: Parts, frames: str, *, doorbell: bool = True, retries: int = 3) -> str:
    job_id, now = new_id(), parts.clock.now()
    steps = steps_with_test(FrameSet.parse(frames), None, stop=True)
    spec = JobSpec(
        work=Work(engine="blender"),
        steps=steps,
        needs=Needs(cores=1, ram=1),
        retry=RetryPolicy(retries=retries),
    )
    row = {
        "id": job_id,
        "tenant_id": "tenant",
        "owner_id": "owner",
        "user_label": "",
        "name": "job",
        "kind": "scene",
        "pool": "default",
        "spec": SPEC.dump_python(spec, mode="json"),
        "frame_count": spec.frame_count,
        "wanted": "RUN",
        "paused": False,
        "priority": 1,
        "retries_wanted": 0,
        "cleanups_wanted": 0,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }
    async with parts.database.transaction() as connection:
        await connection.execute(insert(JOBS).values(row))
    if doorbell:
        await ring(parts, job_id)
    return job_id


async def ring(parts: Parts, job_id: str) -> None:
    wanted = JobWanted(job_id=job_id, version=1)
    message = Outgoing(
        exchange=wanted.exchange,
        key=wanted.routing_key,
        kind=wanted.routing_key,
        body=wanted.body(),
    )
    async with parts.broker.connect("test") as link:
        await link.publish([message])


async def rows(parts: Parts, table: Table, **equal: object) -> list[Any]:
    query = select(table).where(*(table.c[name] == value for name, value in equal.items()))
    async with parts.database.reading() as connection:
        return list((await connection.execute(query)).all())


async def ended(parts: Parts, job_id: str, state: str = "COMPLETED") -> None:
    async def over() -> bool:
        return [row.state for row in await rows(parts, JOB_STATES, job_id=job_id)] == [state]

    await until(over)


async def test_a_job_goes_through_database_and_broker_and_back(parts: Parts) -> None:
    node = OnlineNode(machine("a", 2), parts.broker)
    async with running(scheduler(parts), online(node)):
        job_id = await submit(parts, "1-20")
        await ended(parts, job_id)
    frames = sorted(row.frame for row in await rows(parts, RESULTS, job_id=job_id))
    assert frames == list(range(1, 21))
    assert {row.state for row in await rows(parts, ATTEMPTS, job_id=job_id)} == {"SUCCEEDED"}
    assert {row.state for row in await rows(parts, TASKS, job_id=job_id)} == {"SUCCEEDED"}
    last = (await rows(parts, HISTORY, job_id=job_id, entity="job"))[-1]
    assert (last.was, last.became) == ("PROCESSING", "COMPLETED")


async def test_a_status_reaches_the_cache_and_the_outbox_empties(parts: Parts) -> None:
    node = OnlineNode(machine("a", 2), parts.broker)

    async def told() -> bool:
        status = await parts.cache.get(f"job:{job_id}")
        return status is not None and status["state"] == "COMPLETED"

    async def empty() -> bool:
        return not await rows(parts, OUTBOX)

    async with running(scheduler(parts), online(node)):
        job_id = await submit(parts, "1-3")
        await until(told)
        await until(empty)
    status = await parts.cache.get(f"job:{job_id}")
    assert status is not None
    assert (status["succeeded"], status["progress"], status["tenant_id"]) == (3, 1.0, "tenant")
    assert str(status["result_key"]).endswith("/0001.png")


async def test_a_lost_doorbell_loses_nothing(parts: Parts) -> None:
    node = OnlineNode(machine("a", 2), parts.broker)
    async with running(scheduler(parts), online(node)):
        await ended(parts, await submit(parts, "1-3"))
        await ended(parts, await submit(parts, "1-3", doorbell=False))


async def test_cancelling_settles_what_finishes_later_as_not_applied(parts: Parts) -> None:
    node = OnlineNode(machine("a", 2), parts.broker, renders=never)

    async def begun() -> bool:
        return len(await rows(parts, ATTEMPTS, job_id=job_id, state="RUNNING")) > 0

    async with running(scheduler(parts), online(node)):
        job_id = await submit(parts, "1-1000000")
        await until(begun)
        async with parts.database.transaction() as connection:
            change = update(JOBS).where(JOBS.c.id == job_id)
            await connection.execute(
                change.values(wanted="CANCEL", version=2, updated_at=parts.clock.now())
            )
        await ring(parts, job_id)
        await ended(parts, job_id, "CANCELLED")
        node.renders = at_once
        await until(lambda: _empty(node))
    assert not await rows(parts, RESULTS, job_id=job_id)
    async with parts.database.reading() as connection:
        written = (await connection.execute(select(func.count()).select_from(HISTORY))).scalar()
    assert written is not None
    assert written < 1000


async def _empty(node: OnlineNode) -> bool:
    return not node.node.held and not node.node.finishes


async def test_a_new_leader_goes_on_where_the_old_one_was_cut_off(parts: Parts) -> None:
    node = OnlineNode(machine("a", 2), parts.broker, renders=never)

    async def handed_out() -> bool:
        return len(await rows(parts, ATTEMPTS, job_id=job_id, state="RUNNING")) > 0

    async def second() -> bool:
        return bool((await rows(parts, LEADERSHIP))[0].epoch == 2)

    async with running(online(node)):
        async with running(scheduler(parts)):
            job_id = await submit(parts, "1-10")
            await until(handed_out)
        async with running(scheduler(parts)):
            await until(second)
            node.renders = at_once
            await ended(parts, job_id)
    assert len(await rows(parts, RESULTS, job_id=job_id)) == 10
    assert {row.state for row in await rows(parts, ATTEMPTS, job_id=job_id)} == {"SUCCEEDED"}


class HeldCache(MemoryStatusCache):
    """Takes statuses when `gate` is open; what leaves after them waits behind them."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.gate = asyncio.Event()

    @override
    async def set_newer(self, key: str, version: int, value: Mapping[str, object]) -> None:
        await self.gate.wait()
        await super().set_newer(key, version, value)


async def test_an_order_that_is_held_up_on_its_way_out_is_not_missed(parts: Parts) -> None:
    cache, node = HeldCache(parts.clock), OnlineNode(machine("a", 2), parts.broker)

    async def held_up() -> bool:
        return len(await rows(parts, ATTEMPTS, job_id=job_id)) > len(node.seen)

    async def silent_on_it() -> bool:
        return node.node.sequence > told + 15

    async with running(scheduler(replace(parts, cache=cache)), online(node)):
        job_id = await submit(parts, "1-20")
        await until(held_up)
        told = node.node.sequence
        await until(silent_on_it)
        cache.gate.set()
        await ended(parts, job_id)
    assert {row.state for row in await rows(parts, ATTEMPTS, job_id=job_id)} == {"SUCCEEDED"}


async def test_of_two_schedulers_one_leads(parts: Parts) -> None:
    node = OnlineNode(machine("a", 2), parts.broker)
    async with running(scheduler(parts), scheduler(parts), online(node)):
        await ended(parts, await submit(parts, "1-10"))
        assert (await rows(parts, LEADERSHIP))[0].epoch == 1


async def test_a_deposed_leader_writes_nothing_and_starts_afresh(parts: Parts) -> None:
    node = OnlineNode(machine("a", 2), parts.broker)
    async with running(scheduler(parts), online(node)):
        await ended(parts, await submit(parts, "1-2"))
        async with parts.database.transaction() as connection:
            await connection.execute(update(LEADERSHIP).values(epoch=41))
        await ended(parts, await submit(parts, "1-2"))
        assert (await rows(parts, LEADERSHIP))[0].epoch == 42


async def test_failures_are_told_once_for_all_their_occurrences(parts: Parts) -> None:
    node = OnlineNode(machine("a", 2), parts.broker, renders=lambda _: Outcome.FAILED)

    async def given_up() -> bool:
        return len(await rows(parts, FAILED_ORDINALS)) == 2

    async with running(scheduler(parts), online(node)):
        await submit(parts, "1-2", retries=0)
        await until(given_up)
    (report,) = await rows(parts, ERROR_REPORTS)
    assert (report.error_type, report.error_message, report.count) == ("engine", "None", 2)


async def test_files_that_became_no_result_are_deleted_by_the_leader(parts: Parts) -> None:
    node = OnlineNode(machine("a", 2), parts.broker, renders=lambda _: Outcome.FAILED)
    tidy = SETTINGS.model_copy(update={"files_sweep": 0.2, "files_age": 0.0})

    async def over() -> bool:
        return len(await rows(parts, ATTEMPTS, job_id=job_id, state="FAILED")) == 1

    async def gone() -> bool:
        return await parts.store.info(left) is None

    async with running(scheduler(parts), online(node)):
        job_id = await submit(parts, "1", retries=0)
        await until(over)
    (attempt,) = await rows(parts, ATTEMPTS, job_id=job_id)
    left = attempt_prefix("tenant", job_id, attempt.id) + "0001.png"
    await parts.store.put(left, b"half", "image/png")
    async with parts.database.transaction() as connection:
        await connection.execute(update(ATTEMPTS).values(swept_at=None))
    async with running(run(tidy, parts, asyncio.Event())):
        await until(gone)


async def test_what_nodes_have_freed_is_written_down_once(parts: Parts) -> None:
    invented = machine("a", 2)
    node = OnlineNode(invented, parts.broker)

    async def freed() -> bool:
        return len(await rows(parts, WORKSPACES_FREED)) == 1

    async with running(scheduler(parts), online(node)):
        job_id = await submit(parts, "1")
        await ended(parts, job_id)
        invented.freed["no-job-of-this-farm"] = 7
        async with parts.database.transaction() as connection:
            change = update(JOBS).where(JOBS.c.id == job_id)
            await connection.execute(
                change.values(cleanups_wanted=1, version=2, updated_at=parts.clock.now())
            )
        await ring(parts, job_id)
        await until(freed)
    (written,) = await rows(parts, WORKSPACES_FREED)
    async with running(scheduler(parts), online(node)):  # a leader whose memory is empty
        await ended(parts, await submit(parts, "1"))
    assert await rows(parts, WORKSPACES_FREED) == [written]
    assert (written.job_id, written.node_id, written.tenant_id) == (job_id, invented.id, "tenant")
    assert written.bytes == WORKSPACE


async def test_what_cannot_be_read_is_buried_and_nothing_stops(parts: Parts) -> None:
    node = OnlineNode(machine("a", 2), parts.broker)
    async with running(scheduler(parts), online(node)):
        async with parts.broker.connect("test") as link:
            noise = Outgoing(
                exchange="lightmill.commands", key="job.wanted.v1", kind="?", body=b"{"
            )
            await link.publish([noise])
        await ended(parts, await submit(parts, "1-2"))

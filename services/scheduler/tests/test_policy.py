"""What the keeper of the farm decides reaches the leader, and what a job says about others."""

import asyncio
import json
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from services.scheduler.tests.service import running, until
from sqlalchemy import Table, insert, update

from lightmill.broker.ports import Outgoing
from lightmill.domain.frames import FrameSet
from lightmill.domain.job import AfterJob, JobSpec, StepSpec, Work
from lightmill.domain.policy import (
    DEFAULT_LIMITS,
    DEFAULT_POOLS,
    Limit,
    LimitScope,
    NodeWish,
    Policy,
    Pool,
    PoolMode,
    Scaling,
    Share,
)
from lightmill.domain.states import JobState
from lightmill.messages.policy_wanted import PolicyWanted
from lightmill.runtime.parts import Parts
from lightmill.scheduler.adapters.recovery import Recovery
from lightmill.scheduler.config import SchedulerSettings
from lightmill.scheduler.core.facts import NodeAsked, PolicyChanged
from lightmill.scheduler.factory import run
from lightmill.storage.sql.schema.api import (
    FARM_POLICY,
    JOBS,
    LIMITS,
    NODE_WISHES,
    POOLS,
    SHARES,
)
from lightmill.storage.sql.schema.scheduler import JOB_STATES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHANGE = {"version": 1, "updated_at": NOW}
LICENCES = {"name": "arnold", "total": 4, "scope": "machine", **CHANGE}
DRAINED = {"node_id": "n", "wish": "DRAIN", "forgiven": 2, **CHANGE}
SEED = {"initial": 2, "maximum": 50, "step": 2, "up_interval": 120.0, "down_interval": 180.0}


@dataclass
class Told:
    """The facts that a running leader has written into its log."""

    log: Path

    def facts(self, kind: str) -> list[Mapping[str, Any]]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line[kind] for line in map(json.loads, lines) if kind in line]

    def limits(self) -> list[list[str]]:
        return [
            [name for name in fact["policy"]["limits"] if name not in DEFAULT_LIMITS]
            for fact in self.facts("PolicyChanged")
        ]

    def wishes(self) -> list[str]:
        return [fact["wish"] for fact in self.facts("NodeAsked")]


async def write(parts: Parts, table: Table, **row: object) -> None:
    async with parts.database.transaction() as connection:
        await connection.execute(insert(table).values(row))


async def ring(parts: Parts) -> None:
    bell = PolicyWanted()
    message = Outgoing(
        exchange=bell.exchange,
        key=bell.routing_key,
        kind=bell.routing_key,
        body=bell.body(),
    )
    async with parts.broker.connect("test") as link:
        await link.publish([message])


def leader(parts: Parts, log: Path, *, sweep: float) -> Awaitable[None]:
    settings = SchedulerSettings(beat=0.2, sweep=sweep, name="test", fact_log=log)
    return run(settings, parts, asyncio.Event())


async def test_everything_that_was_decided_is_read(parts: Parts) -> None:
    await write(parts, POOLS, name="gpu", mode="fair", scaling=SEED, sandbox="container", **CHANGE)
    await write(parts, LIMITS, **LICENCES)
    await write(parts, SHARES, tenant_id="t", user_label="", weight=2, size=8, **CHANGE)
    await write(
        parts, SHARES, tenant_id="t", user_label="ada", weight=1, size=0, burst=4, **CHANGE
    )
    await write(parts, FARM_POLICY, id=1, preemption=True, **CHANGE)
    await write(parts, NODE_WISHES, **DRAINED)
    scaling = Scaling(initial=2, step=2, up_interval=120.0)
    policy = Policy(
        pools={**DEFAULT_POOLS, "gpu": Pool(name="gpu", scaling=scaling, sandbox="container")},
        limits={
            **DEFAULT_LIMITS,
            "arnold": Limit(name="arnold", total=4, scope=LimitScope.MACHINE),
        },
        shares={
            ("t", None): Share(tenant_id="t", weight=2, size=8),
            ("t", "ada"): Share(tenant_id="t", user="ada", burst=4),
        },
        preemption=True,
    )
    asked = NodeAsked(node_id="n", wish=NodeWish.DRAIN, forgiven=2)
    assert await Recovery(parts.database).decided() == [PolicyChanged(policy), asked]


async def test_designs_go_first_come_first_served_until_somebody_decides_otherwise(
    parts: Parts,
) -> None:
    async def mode() -> PoolMode:
        fact, *_ = await Recovery(parts.database).decided()
        assert isinstance(fact, PolicyChanged)
        return fact.policy.pools["designs"].mode

    assert await mode() is PoolMode.FIFO
    await write(parts, POOLS, name="designs", mode="fair", **CHANGE)
    assert await mode() is PoolMode.FAIR


async def test_a_new_leader_knows_the_policy_before_anything_else(
    parts: Parts, tmp_path: Path
) -> None:
    await write(parts, LIMITS, **LICENCES)
    await write(parts, NODE_WISHES, **DRAINED)
    told = Told(tmp_path / "facts")

    async def heard() -> bool:
        return bool(told.facts("BeatPassed"))

    async with running(leader(parts, told.log, sweep=600)):
        await until(heard)
    _began, _policy, wish, *_ = (json.loads(line) for line in told.log.read_text().splitlines())
    assert told.limits() == [["arnold"]]
    assert wish["NodeAsked"] == {"node_id": "n", "wish": "DRAIN", "forgiven": 2}


@pytest.mark.parametrize(("sweep", "rings"), [(600, True), (0.3, False)])
async def test_the_leader_hears_of_a_change_by_the_doorbell_or_by_its_sweep(
    parts: Parts, tmp_path: Path, sweep: float, *, rings: bool
) -> None:
    told = Told(tmp_path / "facts")

    async def at_first() -> bool:
        return told.limits() == [[]]

    async def changed() -> bool:
        return told.limits() == [[], ["arnold"]]

    async with running(leader(parts, told.log, sweep=sweep)):
        await until(at_first)
        await write(parts, LIMITS, **LICENCES)
        if rings:
            await ring(parts)
        await until(changed)


async def test_what_the_leader_knows_it_is_not_told_again(parts: Parts, tmp_path: Path) -> None:
    told = Told(tmp_path / "facts")
    await write(parts, NODE_WISHES, **DRAINED)

    async def resumed() -> bool:
        return told.wishes() == ["DRAIN", "RUN"]

    async def beats() -> bool:
        return len(told.facts("BeatPassed")) >= 10

    async with running(leader(parts, told.log, sweep=0.05)):
        await until(beats)
        assert told.wishes() == ["DRAIN"]
        async with parts.database.transaction() as connection:
            await connection.execute(update(NODE_WISHES).values(wish="RUN"))
        await until(resumed)
    assert told.limits() == [[]]


async def test_a_job_tells_whose_it_is_and_how_those_stand_that_it_waits_for(
    parts: Parts,
) -> None:
    after = (AfterJob(job_id="done"), AfterJob(job_id="unseen"), AfterJob(job_id="open"))
    steps = (StepSpec(name="frames", frames=FrameSet.parse("1-3")),)
    spec = JobSpec(work=Work(engine="blender"), steps=steps, after=after)
    for job_id, state in (("done", "COMPLETED"), ("open", "PROCESSING"), ("other", "FAILED")):
        await write(parts, JOB_STATES, **_state(job_id, state))
    row = {"id": "job", "user_label": "ada", "approved": True, **_job(spec)}
    await write(parts, JOBS, **row)
    (asked,) = await Recovery(parts.database).asked(["job"])
    assert (asked.user, asked.approved) == ("ada", True)
    assert asked.before == {"done": JobState.COMPLETED, "open": JobState.PROCESSING}


def _state(job_id: str, state: str) -> dict[str, object]:
    zeros = ("applied_version", "applied_retries", "applied_cleanups", "succeeded", "failed")
    return {
        **dict.fromkeys((*zeros, "frames", "running", "progress", "version"), 0),
        "job_id": job_id,
        "tenant_id": "t",
        "owner_id": "o",
        "state": state,
        "paused": False,
        "created_at": NOW,
        "updated_at": NOW,
    }


def _job(spec: JobSpec) -> dict[str, object]:
    return {
        "tenant_id": "t",
        "owner_id": "o",
        "name": "shot",
        "kind": "scene",
        "pool": "default",
        "spec": TypeAdapter(JobSpec).dump_python(spec, mode="json"),
        "frame_count": spec.frame_count,
        "wanted": "RUN",
        "paused": False,
        "priority": 1,
        "retries_wanted": 0,
        "cleanups_wanted": 0,
        "version": 1,
        "created_at": NOW,
        "updated_at": NOW,
    }

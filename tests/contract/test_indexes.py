"""Each index of the seeds has its counterpart here, and MySQL uses it for the query it serves.

The seeds' task is a job here, and their frame a task with its result.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from pydantic import TypeAdapter
from sqlalchemy import Engine, Select, Table, event, insert, select, text

from lightmill.api.adapters.assets import SqlAssets
from lightmill.api.queries.frames import FrameQueries
from lightmill.api.queries.jobs import JobFilter, JobQueries
from lightmill.api.queries.page import Cut
from lightmill.api.queries.work import WorkQueries
from lightmill.domain.frames import FrameSet
from lightmill.domain.job import JobSpec, StepSpec, Work
from lightmill.runtime.clock import SystemClock
from lightmill.scheduler.adapters.ended_attempts import SqlEndedAttempts
from lightmill.storage.cache.memory import MemoryStatusCache
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.migration import upgrade
from lightmill.storage.sql.schema.api import ASSETS, JOBS
from lightmill.storage.sql.schema.scheduler import ATTEMPTS, JOB_STATES, RESULTS, STEPS, TASKS
from lightmill.testing.containers import MysqlServer
from lightmill.testing.databases import create_schema

pytestmark = pytest.mark.backing

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STATES = ("ASSIGNED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED")
JOB_STATE = ("PENDING", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED")
SPEC = JobSpec(
    work=Work(engine="blender"), steps=(StepSpec(name="frames", frames=FrameSet.parse("1-20")),)
)
MANY = 2000
FRAMES = 20
Row = dict[str, object]


@dataclass(frozen=True)
class Plan:
    """How MySQL reads one table of a statement."""

    key: str | None
    rows: int
    extra: str


@pytest.fixture(scope="module")
def filled(mysql_server: MysqlServer) -> str:
    """Give the name of a schema with two tenants' worth of jobs, frames and files."""
    name = f"indexes_{secrets.token_hex(4)}"

    async def make() -> None:
        await create_schema(mysql_server, name)
        database = Database.open(mysql_server.url(name), mysql_server.password)
        await upgrade(database)
        async with database.transaction() as connection:
            for table, row in ROWS.items():
                await connection.execute(insert(table), [row(n) for n in range(MANY)])
        async with database.alone() as connection:
            for table in ROWS:
                await connection.execute(text(f"ANALYZE TABLE {table.name}"))
        await database.close()

    asyncio.run(make())
    return name


@pytest_asyncio.fixture
async def full(mysql_server: MysqlServer, filled: str) -> AsyncIterator[Database]:
    database = Database.open(mysql_server.url(filled), mysql_server.password)
    yield database
    await database.close()


async def test_tasks_by_status_and_worker(full: Database) -> None:
    query = select(TASKS).where(
        TASKS.c.tenant_id == "t0", TASKS.c.state == "RUNNING", TASKS.c.node_id == "node3"
    )
    plan = await explained(full, query)
    assert plan["tasks"].key == "ix_tasks_tenant_id_state_node_id"


async def test_jobs_by_status_priority_and_age(full: Database) -> None:
    query = (
        select(JOB_STATES)
        .where(
            JOB_STATES.c.tenant_id == "t0",
            JOB_STATES.c.state == "PENDING",
            JOB_STATES.c.priority == 1,
        )
        .order_by(JOB_STATES.c.created_at)
        .limit(50)
    )
    plan = await explained(full, query)
    assert plan["job_states"].key == "ix_job_states_tenant_id_state_priority_created_at"
    assert "filesort" not in plan["job_states"].extra


async def test_jobs_of_a_user_by_status_and_newest(full: Database) -> None:
    wanted = JobFilter(state="FAILED", owner_id="u1")
    plan = await plans(full, lambda: jobs(full).listed("t0", wanted, Cut(limit=50)))
    assert plan["job_states"].key == "ix_job_states_tenant_id_owner_id_state_created_at"
    assert "filesort" not in plan["job_states"].extra
    assert plan["jobs"].key == "PRIMARY"


async def test_jobs_by_status_and_newest(full: Database) -> None:
    plan = await plans(
        full, lambda: jobs(full).listed("t0", JobFilter(state="PROCESSING"), Cut(limit=50))
    )
    assert plan["job_states"].key == "ix_job_states_tenant_id_state_created_at"
    assert "filesort" not in plan["job_states"].extra


async def test_jobs_by_newest(full: Database) -> None:
    plan = await plans(full, lambda: jobs(full).listed("t0", JobFilter(), Cut(limit=50)))
    assert plan["jobs"].key == "ix_jobs_tenant_id_created_at_id"
    assert "filesort" not in plan["jobs"].extra
    mine = JobFilter(owner_id="u1")
    plan = await plans(full, lambda: jobs(full).listed("t0", mine, Cut(limit=50)))
    assert plan["jobs"].key == "ix_jobs_tenant_id_owner_id_created_at"
    assert "filesort" not in plan["jobs"].extra


async def test_files_by_their_pair_of_hashes(full: Database) -> None:
    query = select(ASSETS.c.id).where(
        ASSETS.c.tenant_id == "t0", ASSETS.c.md5 == "md5-8", ASSETS.c.xxh64 == "8"
    )
    plan = await explained(full, query)
    assert plan["assets"].key == "ix_assets_tenant_id_md5_xxh64"


async def test_files_by_any_of_their_hashes(full: Database) -> None:
    assets = SqlAssets(full, SystemClock())
    hashes = [f"md5-{n}" for n in range(20)] + [f"blake-{n}" for n in range(20, 40)]
    with sent() as statements:
        found = await assets.by_hashes("t0", hashes)
    assert set(found) == {name for name in hashes if int(name.split("-")[1]) % 2 == 0}
    read = [(await _explain(full, *statement))["assets"] for statement in statements]
    assert [plan.key for plan in read] == [
        "ix_assets_tenant_id_md5_xxh64",
        "uq_assets_tenant_id_blake3",
    ]
    assert all(plan.rows <= len(hashes) for plan in read)


async def test_frames_by_task_and_status(full: Database) -> None:
    query = FrameQueries(full)
    plan = await plans(full, lambda: query.page("job8", SPEC, 0, 20, str))
    assert plan["attempts"].key == "ix_attempts_state_job_id"
    assert plan["tasks"].key == "PRIMARY"
    assert plan["results"].key == "PRIMARY"
    assert plan["steps"].key == "ix_steps_job_id_position"


async def test_attempts_whose_files_are_to_be_looked_at_by_age(full: Database) -> None:
    attempts = SqlEndedAttempts(full, epoch=1)
    plan = await plans(full, lambda: attempts.unswept(_at(MANY), 50))
    assert plan["attempts"].key == "ix_attempts_swept_at_assigned_at"
    assert "filesort" not in plan["attempts"].extra


async def test_results_of_a_job_by_frame(full: Database) -> None:
    query = WorkQueries(full, SystemClock())
    plan = await plans(full, lambda: query.results("t0", "job8", Cut(limit=50), str))
    assert plan["results"].key == "ix_results_tenant_id_job_id_frame"


def jobs(database: Database) -> JobQueries:
    return JobQueries(database, MemoryStatusCache(SystemClock()))


async def plans(database: Database, read: Callable[[], Awaitable[object]]) -> dict[str, Plan]:
    """Return how each table is read by the statements that `read` sends, to the letter."""
    with sent() as statements:
        await read()
    found: dict[str, Plan] = {}
    for statement, parameters in statements:
        found |= await _explain(database, statement, parameters)
    return found


async def explained(database: Database, query: Select[Any]) -> dict[str, Plan]:
    async def read() -> None:
        async with database.reading() as connection:
            await connection.execute(query)

    return await plans(database, read)


@contextmanager
def sent() -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """Give a list that fills with every SELECT that goes to a server, with its values."""
    statements: list[tuple[str, tuple[Any, ...]]] = []

    def keep(*call: Any) -> None:  # noqa: ANN401  # as SQLAlchemy calls it
        _, _, statement, parameters, _, _ = call
        if statement.startswith("SELECT"):
            statements.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", keep)


async def _explain(
    database: Database, statement: str, parameters: tuple[Any, ...]
) -> dict[str, Plan]:
    question = f"EXPLAIN FORMAT=TRADITIONAL {statement}"
    async with database.reading() as connection:
        found = await connection.exec_driver_sql(question, parameters)
        return {
            row.table: Plan(key=row.key, rows=row.rows or 0, extra=row.Extra or "")
            for row in found.all()
        }


def _at(number: int) -> datetime:
    return NOON + timedelta(seconds=number)


def _asset(n: int) -> Row:
    return {
        "tenant_id": f"t{n % 2}",
        "owner_id": f"u{n % 10}",
        "name": "wood.jpg",
        "path": "wood.jpg",
        "blake3": f"blake-{n}",
        "md5": f"md5-{n}",
        "xxh64": str(n),
        "size": 1,
        "object_key": f"key{n}",
        "created_at": _at(n),
    }


def _job(n: int) -> Row:
    return {
        "id": f"job{n}",
        "tenant_id": f"t{n % 2}",
        "owner_id": f"u{n // 2 % 10}",
        "user_label": "",
        "name": "job",
        "kind": "scene",
        "pool": "default",
        "spec": TypeAdapter(JobSpec).dump_python(SPEC, mode="json"),
        "frame_count": FRAMES,
        "wanted": "RUN",
        "paused": False,
        "priority": 1,
        "retries_wanted": 0,
        "cleanups_wanted": 0,
        "version": 1,
        "created_at": _at(n),
        "updated_at": _at(n),
    }


def _job_state(n: int) -> Row:
    return {
        "job_id": f"job{n}",
        "tenant_id": f"t{n % 2}",
        "owner_id": f"u{n // 2 % 10}",
        "state": JOB_STATE[n // 20 % len(JOB_STATE)],
        "paused": False,
        "priority": n // 100 % 3,
        "applied_version": 1,
        "applied_retries": 0,
        "applied_cleanups": 0,
        "frames": FRAMES,
        "succeeded": 0,
        "failed": 0,
        "running": 0,
        "progress": 0.0,
        "version": 1,
        "created_at": _at(n),
        "updated_at": _at(n),
    }


def _step(n: int) -> Row:
    return {
        "id": f"step{n}",
        "job_id": f"job{n}",
        "tenant_id": f"t{n % 2}",
        "position": 0,
        "name": "frames",
        "state": "RUNNING",
        "frames": FRAMES,
        "next_ordinal": 0,
        "succeeded": 0,
        "failed": 0,
        "running": 0,
        "updated_at": _at(n),
    }


def _task(n: int) -> Row:
    job = n // FRAMES
    return {
        "id": f"task{n}",
        "tenant_id": f"t{job % 2}",
        "owner_id": f"u{job // 2 % 10}",
        "job_id": f"job{job}",
        "step_id": f"step{job}",
        "ordinals": [n % FRAMES],
        "frames": [n % FRAMES + 1],
        "state": STATES[n % len(STATES)],
        "node_id": f"node{n // len(STATES) % 20}",
        "attempt_id": f"attempt{n}",
        "priority": n // len(STATES) % 3,
        "progress": 0.0,
        "failures": 0,
        "tries": 0,
        "created_at": _at(n),
    }


def _attempt(n: int) -> Row:
    job = n // FRAMES
    return {
        "id": f"attempt{n}",
        "tenant_id": f"t{job % 2}",
        "job_id": f"job{job}",
        "step_id": f"step{job}",
        "task_id": f"task{n}",
        "node_id": f"node{n // len(STATES) % 20}",
        "session": "s",
        "epoch": 1,
        "state": STATES[n % len(STATES)],
        "cores": 1,
        "ram": 1,
        "gpus": [],
        "assigned_at": _at(n),
    }


def _result(n: int) -> Row:
    job = n // FRAMES
    return {
        "step_id": f"step{job}",
        "ordinal": n % FRAMES,
        "tenant_id": f"t{job % 2}",
        "job_id": f"job{job}",
        "attempt_id": f"attempt{n}",
        "node_id": f"node{n // len(STATES) % 20}",
        "frame": n % FRAMES + 1,
        "object_key": f"image{n}",
        "blake3": "",
        "size": 1,
        "width": 1,
        "height": 1,
        "media_type": "image/png",
        "seconds": 1.0,
        "created_at": _at(n),
    }


ROWS: dict[Table, Callable[[int], Row]] = {
    ASSETS: _asset,
    JOBS: _job,
    JOB_STATES: _job_state,
    STEPS: _step,
    TASKS: _task,
    ATTEMPTS: _attempt,
    RESULTS: _result,
}

"""Workers that claim rows with FOR UPDATE SKIP LOCKED, one at a time, and do the same writes.

`python claimer.py HOST PORT PASSWORD SCHEMA` is one worker, which ends when nothing is left. It
speaks to MySQL by the bare driver. A claim is one transaction (task, attempt, step), the finish
another (attempt, task, result, step, job): what a frame costs in a farm without a leader.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import asyncmy
from asyncmy.cursors import Cursor

sys.path.insert(0, str(Path(__file__).parents[1]))

from draining.servers import Servers
from draining.shape import Shape, rows

from lightmill.runtime.ids import new_id
from lightmill.storage.sql import bulk
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import JOB_STATES, STEPS

WORKERS = 4
_WAITING = (
    "CREATE TABLE waiting (id INT AUTO_INCREMENT PRIMARY KEY, step_id VARCHAR(36) NOT NULL,"
    " job_id VARCHAR(36) NOT NULL, ordinal INT NOT NULL, claimed INT NOT NULL DEFAULT 0,"
    " KEY (claimed, id)) DEFAULT CHARSET ascii COLLATE ascii_bin"
)
_CLAIM = (
    "SELECT id, step_id, job_id, ordinal FROM waiting WHERE claimed = 0 ORDER BY id LIMIT 1"
    " FOR UPDATE SKIP LOCKED"
)
_TASK = (
    "INSERT INTO tasks (id, tenant_id, owner_id, job_id, step_id, ordinals, frames, state,"
    " node_id, attempt_id, priority, progress, failures, tries, created_at) VALUES"
    " (%s, 'tenant', 'owner', %s, %s, %s, %s, 'ASSIGNED', %s, %s, 1, 0, 0, 0, %s)"
)
_ATTEMPT = (
    "INSERT INTO attempts (id, tenant_id, job_id, step_id, task_id, node_id, session, epoch,"
    " state, cores, ram, gpus, assigned_at) VALUES"
    " (%s, 'tenant', %s, %s, %s, %s, 'session', 1, 'ASSIGNED', 1, 1073741824, '[]', %s)"
)
_RESULT = (
    "INSERT INTO results (step_id, ordinal, tenant_id, job_id, attempt_id, node_id, frame,"
    " object_key, blake3, size, width, height, media_type, seconds, created_at) VALUES"
    " (%s, %s, 'tenant', %s, %s, %s, %s, %s, %s, 1000, 1920, 1080, 'image/png', 1, %s)"
)
_END_ATTEMPT = (
    "UPDATE attempts SET state = 'SUCCEEDED', started_at = COALESCE(started_at, %s), ended_at = %s"
    " WHERE id = %s AND state = 'ASSIGNED'"
)
_END_TASK = (
    "UPDATE tasks SET state = 'SUCCEEDED', started_at = COALESCE(started_at, %s),"
    " finished_at = %s, progress = 1 WHERE id = %s"
)


async def skip_locked(on: Servers, schema: str, shape: Shape) -> float:
    """Return the frames a second of four workers that claim and finish every frame of `shape`."""
    database = Database.open(on.mysql.url(schema), on.mysql.password)
    await _prepare(database, shape)
    place = (on.mysql.host, str(on.mysql.port), on.mysql.password, schema)
    began = time.monotonic()
    workers = [
        await asyncio.create_subprocess_exec(sys.executable, __file__, *place)
        for _ in range(WORKERS)
    ]
    await asyncio.gather(*(worker.wait() for worker in workers))
    async with database.reading() as connection:
        ask = "SELECT COUNT(*), TIMESTAMPDIFF(MICROSECOND, MIN(created_at), MAX(created_at))"
        done, taken = (await connection.exec_driver_sql(f"{ask} FROM results")).one()
    await database.close()
    if done != shape.total:
        raise RuntimeError(f"{done} of {shape.total} frames claimed and finished")
    print(f"  {done} frames claimed and finished in {time.monotonic() - began:.2f} s")
    return float(done) / (float(taken) / 1e6)


async def _prepare(database: Database, shape: Shape) -> None:
    """Write the jobs, their steps, and a waiting row for each frame."""
    jobs = rows(shape)
    now = datetime.now(UTC)  # noqa: TID251  # a worker of its own, on no clock of ours
    counts = ("applied_version", "applied_retries", "applied_cleanups", "succeeded", "failed")
    zero = dict.fromkeys((*counts, "running", "progress", "version"), 0)
    tenant = {"tenant_id": "tenant", "updated_at": now}
    states = [
        {**zero, **tenant, "job_id": job["id"], "owner_id": "owner", "state": "PENDING"}
        | {"paused": False, "frames": job["frame_count"], "created_at": now}
        for job in jobs
    ]
    steps = [
        {**tenant, "id": new_id(), "job_id": job["id"], "position": n, "name": f"layer {n}"}
        | {"state": "READY", "frames": shape.frames, "next_ordinal": 0, "succeeded": 0}
        | {"failed": 0, "running": 0}
        for job in jobs
        for n in range(shape.layers)
    ]
    async with database.transaction() as connection:
        await bulk.add(connection, JOBS, jobs)
        await bulk.add(connection, JOB_STATES, states)
        await bulk.add(connection, STEPS, steps)
    async with database.transaction() as connection:
        await connection.exec_driver_sql(_WAITING)
        for ordinal in range(shape.frames):
            await connection.exec_driver_sql(
                "INSERT INTO waiting (step_id, job_id, ordinal) SELECT id, job_id, %s FROM steps",
                (ordinal,),
            )


async def _work(host: str, port: str, password: str, schema: str) -> None:
    connection = await asyncmy.connect(
        host=host, port=int(port), user="root", password=password, db=schema
    )
    async with connection.cursor() as cursor:
        await cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        node = new_id()
        while await _one(connection, cursor, node):
            pass
    connection.close()


async def _one(connection: asyncmy.Connection, cursor: Cursor, node: str) -> bool:
    """Claim a frame and finish it; return whether there was one."""
    task, attempt = new_id(), new_id()
    await connection.begin()
    await cursor.execute(_CLAIM)
    found = await cursor.fetchone()
    if found is None:
        await connection.commit()
        return False
    row, step, job, ordinal = found
    now = _now()
    await cursor.execute("UPDATE waiting SET claimed = 1 WHERE id = %s", (row,))
    places = (f"[{ordinal}]", f"[{ordinal + 1}]")
    await cursor.execute(_TASK, (task, job, step, *places, node, attempt, now))
    await cursor.execute(_ATTEMPT, (attempt, job, step, task, node, now))
    await connection.commit()
    now = _now()
    key = f"tenants/tenant/jobs/{job}/attempts/{attempt}/{ordinal + 1:04}.png"
    await connection.begin()
    await cursor.execute(_END_ATTEMPT, (now, now, attempt))
    await cursor.execute(_END_TASK, (now, now, task))
    result = (step, ordinal, job, attempt, node, ordinal + 1, key, "0" * 64, now)
    await cursor.execute(_RESULT, result)
    await cursor.execute(
        "UPDATE steps SET succeeded = succeeded + 1, next_ordinal = next_ordinal + 1"
        " WHERE id = %s",
        (step,),
    )
    await cursor.execute(
        "UPDATE job_states SET succeeded = succeeded + 1, version = version + 1 WHERE job_id = %s",
        (job,),
    )
    await connection.commit()
    return True


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)  # noqa: TID251  # as above


if __name__ == "__main__":
    asyncio.run(_work(*sys.argv[1:]))

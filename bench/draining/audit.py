"""What must be true of a farm's rows and of its nodes' ledgers; one breach fails the benchmark."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from draining.shape import CORES, RAM, Shape
from sqlalchemy import Row, func, select, text

from lightmill.domain.states import AttemptState, JobState, NodeState, StepState, TaskState
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import (
    ATTEMPTS,
    JOB_STATES,
    LEADERSHIP,
    NODES,
    RESULTS,
    STEPS,
    TASKS,
)

_LIVE = (AttemptState.ASSIGNED, AttemptState.RUNNING)


class AuditError(Exception):
    """A law was broken, so the figures mean nothing."""


async def while_held(database: Database, shape: Shape) -> None:
    """Look at a farm whose nodes hold every frame of `shape`.

    Raises:
        AuditError: something is not as it must be.
    """
    query = (
        select(ATTEMPTS.c.node_id, ATTEMPTS.c.cores, ATTEMPTS.c.ram, TASKS)
        .join(TASKS, TASKS.c.attempt_id == ATTEMPTS.c.id)
        .where(ATTEMPTS.c.state.in_(_LIVE))
    )
    async with database.reading() as connection:
        held = (await connection.execute(query)).all()
        carried = {row.id: row.offer["tags"] for row in await connection.execute(select(NODES))}
        asked = await connection.execute(select(JOBS.c.id, JOBS.c.spec))
        wanted = {row.id: row.spec["needs"]["tags"][0] for row in asked}
    _raise(_breaches_while_held(held, carried, wanted, shape))


def _breaches_while_held(
    held: list[Row[Any]],
    carried: Mapping[str, list[str]],
    wanted: Mapping[str, str],
    shape: Shape,
) -> Iterator[str]:
    frames = Counter((row.step_id, ordinal) for row in held for ordinal in row.ordinals)
    if len(frames) != shape.total:
        yield f"{len(frames)} frames are held, of {shape.total}"
    if twice := [frame for frame, count in frames.items() if count > 1]:
        yield f"{len(twice)} frames are held twice"
    by_node: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in sorted(held, key=lambda row: row.attempt_id):
        by_node[row.node_id].append(row)
    if over := [node for node, rows in by_node.items() if _too_much(rows)]:
        yield f"{len(over)} nodes hold more than they have"
    if strangers := [row for row in held if wanted[row.job_id] not in carried[row.node_id]]:
        yield f"{len(strangers)} frames are on a node without their tag"


def _too_much(held: list[Row[Any]]) -> bool:
    """Tell whether more is held than fits, beside the one order that may wait on a node."""
    placed = held[:-1]
    return sum(row.cores for row in placed) > CORES or sum(row.ram for row in placed) > RAM


async def when_done(
    database: Database, shape: Shape, ledgers: list[dict[str, Any]], rounds: Mapping[Shape, int]
) -> None:
    """Look at a farm that has rendered everything.

    Args:
        database: The farm's.
        shape: For the number of nodes.
        ledgers: What the nodes have seen.
        rounds: How often each workload was drained.

    Raises:
        AuditError: something is not as it must be.
    """
    frames = sum(work.total * times for work, times in rounds.items())
    attempts = sum(said["ended"] for said in ledgers)
    breaches = [item async for item in _rows(database, frames, attempts)]
    counted = {node: n for said in ledgers for node, n in said["ledger"].items() if n}
    async with database.reading() as connection:
        query = select(RESULTS.c.node_id, func.count()).group_by(RESULTS.c.node_id)
        results = {row[0]: row[1] for row in await connection.execute(query)}
        nodes = (await connection.execute(select(NODES.c.state))).scalars().all()
    if counted != results:
        breaches.append("the nodes' ledgers are not the database's sums")
    if Counter(nodes) != {NodeState.ONLINE: shape.nodes}:
        breaches.append(f"nodes: {Counter(nodes)}")
    for said in ledgers:
        breaches += said["wrong"]
        if said["refused"] or said["held"]:
            breaches.append(f"{said['refused']} finishes refused, {said['held']} left over")
    _raise(iter(breaches))


async def _rows(database: Database, frames: int, attempts: int) -> AsyncIterator[str]:
    expected = {
        "results": (select(func.count()).select_from(RESULTS), frames),
        "frames of jobs": (select(func.sum(JOBS.c.frame_count)), frames),
        "succeeded, by job": (select(func.sum(JOB_STATES.c.succeeded)), frames),
        "succeeded, by step": (select(func.sum(STEPS.c.succeeded)), frames),
        "handed out, by step": (select(func.sum(STEPS.c.next_ordinal)), frames),
        "running, by job": (select(func.sum(JOB_STATES.c.running)), 0),
        "running, by step": (select(func.sum(STEPS.c.running)), 0),
        "jobs not completed": (_not_in(JOB_STATES, JobState.COMPLETED), 0),
        "steps not succeeded": (_not_in(STEPS, StepState.SUCCEEDED), 0),
        "attempts that succeeded": (_in(ATTEMPTS, AttemptState.SUCCEEDED), attempts),
        "tasks that succeeded": (_in(TASKS, TaskState.SUCCEEDED), attempts),
        "attempts that live": (_in(ATTEMPTS, *_LIVE), 0),
        "tasks that live": (_in(TASKS, TaskState.ASSIGNED, TaskState.RUNNING), 0),
        "attempts without end": (
            select(func.count()).where(ATTEMPTS.c.ended_at < ATTEMPTS.c.assigned_at),
            0,
        ),
        "results of an attempt that is not the task's": (text(_STRAY_RESULTS), 0),
        "steps whose results are not all ordinals": (text(_HOLES), 0),
        "attempts of an epoch that never was": (
            select(func.count()).where(
                ATTEMPTS.c.epoch > select(LEADERSHIP.c.epoch).scalar_subquery()
            ),
            0,
        ),
    }
    async with database.reading() as connection:
        for name, (query, wanted) in expected.items():
            found = int((await connection.execute(query)).scalar() or 0)
            if found != wanted:
                yield f"{name}: {found}, must be {wanted}"


_STRAY_RESULTS = """
    SELECT COUNT(*) FROM results LEFT JOIN attempts ON attempts.id = results.attempt_id
    LEFT JOIN tasks ON tasks.attempt_id = attempts.id
    WHERE tasks.id IS NULL OR tasks.step_id <> results.step_id
       OR attempts.node_id <> results.node_id OR attempts.state <> 'SUCCEEDED'
       OR NOT JSON_CONTAINS(tasks.ordinals, CAST(results.ordinal AS JSON))
"""
_HOLES = """
    SELECT COUNT(*) FROM (
        SELECT steps.id, steps.frames, COUNT(results.ordinal) AS found,
               MIN(results.ordinal) AS first, MAX(results.ordinal) AS last
        FROM steps LEFT JOIN results ON results.step_id = steps.id
        GROUP BY steps.id, steps.frames
    ) AS each_step WHERE found <> frames OR first <> 0 OR last <> frames - 1
"""


def _not_in(table: Any, state: str) -> Any:  # noqa: ANN401  # SQLAlchemy's
    return select(func.count()).select_from(table).where(table.c.state != state)


def _in(table: Any, *states: str) -> Any:  # noqa: ANN401  # SQLAlchemy's
    return select(func.count()).select_from(table).where(table.c.state.in_(states))


def _raise(breaches: Iterator[str]) -> None:
    if found := list(breaches):
        raise AuditError("; ".join(found[:20]))

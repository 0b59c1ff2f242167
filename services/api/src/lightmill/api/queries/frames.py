"""A page of a job's frames, also of those that no row stands for yet."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.api.core.moment import rfc3339
from lightmill.api.queries.expiry import still_there
from lightmill.domain.job import JobSpec
from lightmill.domain.states import AttemptState, StepState, TaskState
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.scheduler import (
    ATTEMPTS,
    FAILED_ORDINALS,
    GIVEN_BACK,
    NODES,
    RESULTS,
    STEPS,
    TASKS,
)

Sign = Callable[[str], str]
_LIVE = (AttemptState.ASSIGNED, AttemptState.RUNNING)


@dataclass(frozen=True, slots=True)
class _Slice:
    """The ordinals `start` to `stop` (exclusive) of the step at `position`."""

    position: int
    start: int
    stop: int


@dataclass(slots=True)
class _Rows:
    """What the tables say of one slice, by ordinal."""

    results: dict[int, Row[Any]] = field(default_factory=dict)
    failed: dict[int, Row[Any]] = field(default_factory=dict)
    given_back: dict[int, Row[Any]] = field(default_factory=dict)
    live: dict[int, Row[Any]] = field(default_factory=dict)
    cancelled: bool = False


class FrameQueries:
    """Reads frames in seed 002's words."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, job_id: str, spec: JobSpec, offset: int, limit: int, sign: Sign
    ) -> list[dict[str, object]]:
        """Return `limit` frames from `offset`, in the order in which they are rendered.

        The caller has made sure that the job is the tenant's.
        """
        frames: list[dict[str, object]] = []
        async with self._database.reading() as connection:
            for piece in _slices(spec, offset, limit):
                rows = await _rows(connection, job_id, piece)
                step = spec.steps[piece.position]
                frames.extend(
                    _frame(step.frame_at(ordinal), ordinal, rows, sign)
                    for ordinal in range(piece.start, piece.stop)
                )
        return frames


def _slices(spec: JobSpec, offset: int, limit: int) -> Iterator[_Slice]:
    before = 0
    for position, step in enumerate(spec.steps):
        count = len(step.frames)
        start, stop = max(offset - before, 0), min(offset + limit - before, count)
        if start < stop:
            yield _Slice(position, start, stop)
        before += count


async def _rows(connection: AsyncConnection, job_id: str, piece: _Slice) -> _Rows:
    rows = _Rows()
    step = select(STEPS).where(STEPS.c.job_id == job_id, STEPS.c.position == piece.position)
    found = (await connection.execute(step)).one_or_none()
    if found is None:
        return rows
    rows.cancelled = found.state == StepState.CANCELLED
    for table, kept in ((FAILED_ORDINALS, rows.failed), (GIVEN_BACK, rows.given_back)):
        query = select(table).where(
            table.c.step_id == found.id, table.c.ordinal.between(piece.start, piece.stop - 1)
        )
        kept.update({row.ordinal: row for row in (await connection.execute(query)).all()})
    rows.results = await _results(connection, found.id, piece)
    rows.live = await _live(connection, found)
    return rows


async def _results(
    connection: AsyncConnection, step_id: str, piece: _Slice
) -> dict[int, Row[Any]]:
    query = (
        select(
            RESULTS,
            ATTEMPTS.c.started_at,
            TASKS.c.failures,
            NODES.c.name.label("node_name"),
            still_there().label("there"),
        )
        .outerjoin(ATTEMPTS, ATTEMPTS.c.id == RESULTS.c.attempt_id)
        .outerjoin(TASKS, TASKS.c.id == ATTEMPTS.c.task_id)
        .outerjoin(NODES, NODES.c.id == RESULTS.c.node_id)
        .where(
            RESULTS.c.step_id == step_id,
            RESULTS.c.ordinal.between(piece.start, piece.stop - 1),
        )
    )
    return {row.ordinal: row for row in (await connection.execute(query)).all()}


async def _live(connection: AsyncConnection, step: Row[Any]) -> dict[int, Row[Any]]:
    """Return the running tasks by each of their ordinals; there are as many as nodes work."""
    query = (
        select(TASKS, NODES.c.name.label("node_name"))
        .join(ATTEMPTS, ATTEMPTS.c.task_id == TASKS.c.id)
        .outerjoin(NODES, NODES.c.id == TASKS.c.node_id)
        .where(
            ATTEMPTS.c.state.in_(_LIVE),
            ATTEMPTS.c.job_id == step.job_id,
            ATTEMPTS.c.tenant_id == step.tenant_id,
            ATTEMPTS.c.step_id == step.id,
        )
    )
    rows = (await connection.execute(query)).all()
    return {ordinal: row for row in rows for ordinal in row.ordinals}


def _frame(number: int, ordinal: int, rows: _Rows, sign: Sign) -> dict[str, object]:
    frame: dict[str, object] = {
        "number": number,
        "status": "CANCELLED" if rows.cancelled else "PENDING",
        "progress": 0.0,
        "node": None,
        "startedAt": None,
        "completedAt": None,
        "retryCount": 0,
        "error": None,
        "resultUrl": None,
    }
    if ordinal in rows.results:
        frame.update(_completed(rows.results[ordinal], sign))
    elif ordinal in rows.failed:
        row = rows.failed[ordinal]
        frame.update(status="FAILED", retryCount=max(row.failures - 1, 0), error=row.error)
        frame.update(completedAt=rfc3339(row.at))
    elif ordinal in rows.live:
        frame.update(_running(rows.live[ordinal]))
    elif ordinal in rows.given_back:
        frame.update(retryCount=rows.given_back[ordinal].failures)
    return frame


def _completed(row: Row[Any], sign: Sign) -> dict[str, object]:
    return {
        "status": "COMPLETED",
        "progress": 1.0,
        "node": row.node_name or row.node_id,
        "startedAt": rfc3339(row.started_at),
        "completedAt": rfc3339(row.created_at),
        "retryCount": row.failures or 0,
        "resultUrl": sign(row.object_key) if row.there and row.object_key is not None else None,
    }


def _running(row: Row[Any]) -> dict[str, object]:
    running = row.state == TaskState.RUNNING
    return {
        "status": "PROCESSING" if running else "PENDING",
        "progress": row.progress
        if len(row.ordinals) == 1
        else 0.0,  # a chunk tells no frame apart
        "node": row.node_name or row.node_id,
        "startedAt": rfc3339(row.started_at),
        "retryCount": row.failures,
        "error": row.error,
    }

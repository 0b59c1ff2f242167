"""What steps work on that put together what earlier ones have rendered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.api.ports import Input
from lightmill.domain.assembly import inputs_of
from lightmill.domain.job import JobSpec, StepSpec
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import ATTEMPTS, RESULTS, STEPS, TASKS

_SPEC = TypeAdapter(JobSpec)


@dataclass(frozen=True, slots=True)
class _Step:
    """The step of an attempt, with the ordinals of its task; `spec` is the job's as it is kept."""

    job_id: str
    ordinals: Sequence[int]
    position: int
    spec: Mapping[str, Any]

    @property
    def inputs(self) -> Sequence[str]:
        """The steps that it works on; told without reading all of `spec`, which may be long."""
        work = self.spec["steps"][self.position].get("work") or {}
        found: Sequence[str] = work.get("inputs", ())
        return found


class InputQueries:
    """Reads results as inputs of other steps."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, attempt_id: str) -> Sequence[Input] | None:
        """Return what the attempt's frames are put together of.

        None when its step works on the job's bundle.
        """
        query = (
            select(ATTEMPTS.c.job_id, TASKS.c.ordinals, STEPS.c.position, JOBS.c.spec)
            .join(TASKS, TASKS.c.id == ATTEMPTS.c.task_id)
            .join(STEPS, STEPS.c.id == ATTEMPTS.c.step_id)
            .join(JOBS, JOBS.c.id == ATTEMPTS.c.job_id)
            .where(ATTEMPTS.c.id == attempt_id)
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
            step = None if row is None else _Step(*row)
            if step is None or not step.inputs:
                return None
            return await _inputs(connection, step)


async def _inputs(connection: AsyncConnection, mine: _Step) -> list[Input]:
    spec = _SPEC.validate_python(mine.spec)
    count = len(spec.steps[mine.position].frames)
    found: list[Input] = []
    for position, step in enumerate(spec.steps):
        if step.name in mine.inputs:
            ordinals = {
                ordinal
                for own in mine.ordinals
                for ordinal in inputs_of(own, count, len(step.frames))
            }
            found += await _rendered(connection, mine.job_id, position, step, ordinals)
    return found


async def _rendered(
    connection: AsyncConnection, job_id: str, position: int, step: StepSpec, ordinals: set[int]
) -> Iterable[Input]:
    query = (
        select(RESULTS.c.ordinal, RESULTS.c.object_key, RESULTS.c.blake3, RESULTS.c.size)
        .join(STEPS, STEPS.c.id == RESULTS.c.step_id)
        .where(
            STEPS.c.job_id == job_id,
            STEPS.c.position == position,
            RESULTS.c.object_key.is_not(None),
            RESULTS.c.ordinal.between(min(ordinals, default=0), max(ordinals, default=-1)),
        )
    )
    return [
        Input(
            path=f"{step.name}/{row.object_key.rpartition('/')[2]}",
            blake3=row.blake3,
            size=row.size,
            object_key=row.object_key,
        )
        for row in (await connection.execute(query)).all()
        if row.ordinal in ordinals
    ]

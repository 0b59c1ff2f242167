"""What a new leader finds in the database."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from math import inf
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Column, ColumnElement, Row, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import JobSpec, Wanted
from lightmill.domain.policy import NodeWish
from lightmill.domain.states import AttemptState, JobState, NodeState, StepState, TaskState
from lightmill.scheduler.adapters.rows import OFFER
from lightmill.scheduler.adapters.unreadable import UNREADABLE, UnreadableJobsError, reason
from lightmill.scheduler.core.facts import JobAsked, NodeAsked, PolicyChanged
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.reservation import Reservation
from lightmill.scheduler.core.timing import Timing
from lightmill.scheduler.core.trust import Past, Record
from lightmill.scheduler.core.waiting import GivenBack, Waiting
from lightmill.scheduler.core.work import Attempt, FailedOrdinal, Job, Step, Task
from lightmill.scheduler.ports import Snapshot
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.policy import read_policy
from lightmill.storage.sql.schema.api import JOBS, NODE_WISHES
from lightmill.storage.sql.schema.scheduler import (
    ATTEMPTS,
    FAILED_ORDINALS,
    GIVEN_BACK,
    JOB_STATES,
    LIMIT_STATES,
    NODES,
    RESULTS,
    STEPS,
    TASKS,
)

_SPEC = TypeAdapter(JobSpec)
_OF_JOBS = (
    JOBS.c.spec,
    JOBS.c.name,
    JOBS.c.bundle_id,
    JOBS.c.priority,
    JOBS.c.user_label,
    JOBS.c.approved,
)
_IS_NEW = JOB_STATES.c.job_id.is_(None).label("is_new")
_GIVEN_BACK = {field.name for field in fields(GivenBack)}
_LIVE_JOBS = (JobState.PENDING, JobState.PROCESSING)
_LIVE_ATTEMPTS = (AttemptState.ASSIGNED, AttemptState.RUNNING)
_MANY = 1000
"""Ids in one IN (...)."""


class Recovery:
    """Reads jobs, steps, attempts and nodes back into memory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def snapshot(self) -> Snapshot:
        """Return every job that lives and every node that is known.

        Raises:
            UnreadableJobsError: of the jobs that cannot be read.
        """
        async with self._database.reading() as connection:
            jobs = await _jobs(connection, JOB_STATES.c.state.in_(_LIVE_JOBS))
            found = (await connection.execute(select(NODES))).all()
            limits = (await connection.execute(select(LIMIT_STATES))).all()
        nodes = [_node(row) for row in found]
        return Snapshot(jobs, nodes, {row.name: row.ceiling for row in limits})

    async def ended_jobs(self, job_ids: Iterable[str]) -> list[Job]:
        """Return those of these jobs that have rows and have ended."""
        ended = JOB_STATES.c.state.not_in(_LIVE_JOBS)
        async with self._database.reading() as connection:
            return [
                job
                for ids in _pieces(list(job_ids))
                for job in await _jobs(connection, JOB_STATES.c.job_id.in_(ids) & ended)
            ]

    async def asked(self, job_ids: Iterable[str]) -> list[JobAsked]:
        """Return what is wanted of these jobs, oldest first.

        Raises:
            UnreadableJobsError: of those that cannot be read.
        """
        found_by = JOBS.outerjoin(JOB_STATES, JOB_STATES.c.job_id == JOBS.c.id)
        query = select(JOBS, _IS_NEW).select_from(found_by).order_by(JOBS.c.created_at, JOBS.c.id)
        async with self._database.reading() as connection:
            found = await _all(connection, query, JOBS.c.id, list(job_ids))
            specs = _specs((row.id, row.spec) for row in found)
            states = await _states(connection, specs.values())
        return [_asked(row, specs[row.id], states) for row in found]

    async def decided(self) -> list[PolicyChanged | NodeAsked]:
        """Return what the keeper of the farm has decided: its policy, then about its nodes."""
        async with self._database.reading() as connection:
            policy = await read_policy(connection)
            wishes = (await connection.execute(select(NODE_WISHES))).all()
        asked = [
            NodeAsked(node_id=row.node_id, wish=NodeWish(row.wish), forgiven=row.forgiven)
            for row in wishes
        ]
        return [PolicyChanged(policy), *asked]

    async def unapplied(self, since: datetime | None) -> list[str]:
        """Return the ids of jobs of which something is wanted that is not applied."""
        query = (
            select(JOBS.c.id)
            .select_from(JOBS.outerjoin(JOB_STATES, JOB_STATES.c.job_id == JOBS.c.id))
            .where(
                or_(JOB_STATES.c.job_id.is_(None), JOB_STATES.c.applied_version < JOBS.c.version)
            )
            .order_by(JOBS.c.created_at, JOBS.c.id)
        )
        if since is not None:
            query = query.where(JOBS.c.updated_at >= since)
        async with self._database.reading() as connection:
            return list((await connection.execute(query)).scalars())


def _specs(found: Iterable[tuple[str, object]]) -> dict[str, JobSpec]:
    """Return what jobs ask for, by their ids.

    Raises:
        UnreadableJobsError: of all those that cannot be read.
    """
    specs: dict[str, JobSpec] = {}
    reasons: dict[str, str] = {}
    for job_id, plain in found:
        try:
            specs[job_id] = _SPEC.validate_python(plain)
        except UNREADABLE as error:
            reasons[job_id] = reason(error)
    if reasons:
        raise UnreadableJobsError(reasons)
    return specs


async def _states(connection: AsyncConnection, specs: Iterable[JobSpec]) -> Mapping[str, JobState]:
    """Return how those of the jobs stand that others wait for."""
    before = sorted({after.job_id for spec in specs for after in spec.after})
    query = select(JOB_STATES.c.job_id, JOB_STATES.c.state)
    found = await _all(connection, query, JOB_STATES.c.job_id, before)
    return {row.job_id: JobState(row.state) for row in found}


def _asked(row: Row[Any], spec: JobSpec, states: Mapping[str, JobState]) -> JobAsked:
    return JobAsked(
        job_id=row.id,
        tenant_id=row.tenant_id,
        owner_id=row.owner_id,
        name=row.name,
        bundle_id=row.bundle_id,
        spec=spec,
        wanted=Wanted(row.wanted),
        paused=row.paused,
        priority=row.priority,
        retries_wanted=row.retries_wanted,
        cleanups_wanted=row.cleanups_wanted,
        version=row.version,
        created_at=row.created_at,
        user=row.user_label,
        approved=row.approved,
        before=_before(spec, states),
        is_new=bool(row.is_new),
    )


def _before(spec: JobSpec, states: Mapping[str, JobState]) -> dict[str, JobState]:
    return {a.job_id: states[a.job_id] for a in spec.after if a.job_id in states}


def _node(row: Row[Any]) -> Node:
    return Node(
        id=row.id,
        name=row.name,
        session=row.session,
        offer=OFFER.validate_python(row.offer),
        state=NodeState(row.state),
        wish=NodeWish(row.wish),
        forgiven=row.forgiven,
        quarantined_until=row.quarantined_until,
        record=_record(row.failures or {}),
        reserved=_reservation(row.kept),
    )


def _reservation(kept: Mapping[str, Any] | None) -> Reservation | None:
    return None if kept is None else Reservation(**kept, free_at=inf)


def _record(failures: Mapping[str, Any]) -> Record:
    """Return what failed on a node."""
    row = failures.get("in_a_row", {})
    return Record(
        failures=dict(failures.get("by_job", {})),
        in_a_row={job_id: Past(job_id, succeeded) for job_id, succeeded in row.items()},
        quarantines=failures.get("quarantines", 0),
    )


async def _jobs(connection: AsyncConnection, which: ColumnElement[bool]) -> list[Job]:
    query = select(JOB_STATES, *_OF_JOBS).join(JOBS, JOBS.c.id == JOB_STATES.c.job_id).where(which)
    rows = (await connection.execute(query)).all()
    specs = _specs((row.job_id, row.spec) for row in rows)
    jobs = {row.job_id: _job(row, specs[row.job_id]) for row in rows}
    states = await _states(connection, [job.spec for job in jobs.values()])
    for job in jobs.values():
        job.before = _before(job.spec, states)
    steps = {
        row.id: _step(row, jobs[row.job_id])
        for row in await _all(
            connection, select(STEPS).order_by(STEPS.c.position), STEPS.c.job_id, list(jobs)
        )
    }
    await _restore_waiting(connection, steps)
    await _restore_running(connection, steps)
    await _restore_first_results(connection, steps)
    return list(jobs.values())


def _job(row: Row[Any], spec: JobSpec) -> Job:
    return Job(
        id=row.job_id,
        tenant_id=row.tenant_id,
        owner_id=row.owner_id,
        name=row.name,
        bundle_id=row.bundle_id,
        spec=spec,
        created_at=row.created_at,
        priority=row.priority,
        paused=row.paused,
        user=row.user_label,
        approved=row.approved,
        applied_version=row.applied_version,
        applied_retries=row.applied_retries,
        applied_cleanups=row.applied_cleanups,
        row_version=row.version,
        state=JobState(row.state),
        error=row.error,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def _step(row: Row[Any], job: Job) -> Step:
    step = Step(
        id=row.id,
        job=job,
        position=row.position,
        spec=job.spec.steps[row.position],
        waiting=Waiting(row.frames, row.next_ordinal),
        state=StepState(row.state),
        succeeded=row.succeeded,
        ram=row.ram,
        timing=Timing(**(row.timing or {})),
        held_until=row.held_until,
        shortages=row.shortages,
    )
    job.steps.append(step)
    return step


async def _restore_waiting(connection: AsyncConnection, steps: dict[str, Step]) -> None:
    for row in await _all(connection, select(GIVEN_BACK), GIVEN_BACK.c.step_id, list(steps)):
        item = {name: getattr(row, name) for name in _GIVEN_BACK}
        steps[row.step_id].waiting.give_back(GivenBack(**item))
    for row in await _all(
        connection, select(FAILED_ORDINALS), FAILED_ORDINALS.c.step_id, list(steps)
    ):
        steps[row.step_id].given_up[row.ordinal] = FailedOrdinal(
            step_id=row.step_id,
            ordinal=row.ordinal,
            frame=row.frame,
            failures=row.failures,
            tries=row.tries,
            kind=FailureKind(row.kind),
            error=row.error,
        )


async def _restore_running(connection: AsyncConnection, steps: dict[str, Step]) -> None:
    query = (
        select(ATTEMPTS, TASKS.c.ordinals, TASKS.c.failures, TASKS.c.tries, TASKS.c.created_at)
        .join(TASKS, TASKS.c.id == ATTEMPTS.c.task_id)
        .where(ATTEMPTS.c.state.in_(_LIVE_ATTEMPTS))
    )
    found = await _all(connection, query, ATTEMPTS.c.step_id, list(steps))
    for row in found:
        step = steps[row.step_id]
        step.running[row.id] = _attempt(row, step)
    results = select(RESULTS.c.attempt_id, RESULTS.c.step_id, RESULTS.c.ordinal)
    delivered: dict[str, set[int]] = defaultdict(set)
    ids = [row.id for row in found]
    for result in await _all(connection, results, RESULTS.c.attempt_id, ids):
        delivered[result.attempt_id].add(result.ordinal)
    for row in found:
        steps[row.step_id].running[row.id].task.remaining -= delivered[row.id]


def _attempt(row: Row[Any], step: Step) -> Attempt:
    running = row.state == AttemptState.RUNNING
    task = Task(
        id=row.task_id,
        step=step,
        ordinals=tuple(row.ordinals),
        created_at=row.created_at,
        failures=row.failures,
        tries=row.tries,
        state=TaskState.RUNNING if running else TaskState.ASSIGNED,
        remaining=set(row.ordinals),
    )
    return Attempt(
        id=row.id,
        task=task,
        node_id=row.node_id,
        session=row.session,
        cores=row.cores,
        ram=row.ram,
        gpus=tuple(row.gpus),
        disk=step.needs.disk,
        state=AttemptState(row.state),
    )


async def _restore_first_results(connection: AsyncConnection, steps: dict[str, Step]) -> None:
    first = [step.id for step in steps.values() if step.position == 0]
    query = select(RESULTS.c.step_id, RESULTS.c.object_key).where(RESULTS.c.ordinal == 0)
    for row in await _all(connection, query, RESULTS.c.step_id, first):
        steps[row.step_id].job.result_key = row.object_key


async def _all(
    connection: AsyncConnection, query: Select[Any], column: Column[Any], ids: Sequence[str]
) -> list[Row[Any]]:
    """Return the rows of `query` whose `column` is one of `ids`, however many those are."""
    found: list[Row[Any]] = []
    for some in _pieces(ids):
        found.extend((await connection.execute(query.where(column.in_(some)))).all())
    return found


def _pieces(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + _MANY] for start in range(0, len(ids), _MANY)]

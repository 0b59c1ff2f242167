"""Rows back into memory, as a leader that takes over finds them."""

from collections.abc import Iterable
from dataclasses import replace
from math import inf

from lightmill.domain.job import JobSpec
from lightmill.domain.states import AttemptState, JobState, TaskState
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.reservation import Reservation
from lightmill.scheduler.core.trust import Past, Record
from lightmill.scheduler.core.waiting import Waiting
from lightmill.scheduler.core.work import Attempt, Job, Step, Task
from lightmill.scheduler.ports import Snapshot
from lightmill.scheduler.simulation.database import LIVE_JOBS, AttemptRow, NodeRow, Rows, StepRow


def snapshot(rows: Rows) -> Snapshot:
    """Return every job that lives and every node that is known."""
    live = [row.id for row in rows.jobs.values() if row.state in LIVE_JOBS]
    nodes = [_node(row) for row in rows.nodes.values()]
    return Snapshot(_jobs(rows, live), nodes, dict(rows.ceilings))


def ended_jobs(rows: Rows, job_ids: Iterable[str]) -> list[Job]:
    """Return those of these jobs that have rows and have ended."""
    known = (rows.jobs[job_id] for job_id in job_ids if job_id in rows.jobs)
    return _jobs(rows, [row.id for row in known if row.state not in LIVE_JOBS])


def _jobs(rows: Rows, job_ids: list[str]) -> list[Job]:
    jobs = {job_id: _job(rows, job_id) for job_id in job_ids}
    steps: dict[str, Step] = {}
    for row in sorted(rows.steps.values(), key=lambda row: row.position):
        if row.job_id in jobs:
            steps[row.id] = _step(rows, row, jobs[row.job_id])
    for attempt in rows.attempts.values():
        if attempt.live and attempt.step_id in steps:
            step = steps[attempt.step_id]
            step.running[attempt.id] = _attempt(attempt, step)
    return list(jobs.values())


def _node(row: NodeRow) -> Node:
    return Node(
        id=row.id,
        name=row.id,
        session=row.session,
        offer=row.offer,
        state=row.state,
        wish=row.wish,
        forgiven=row.forgiven,
        quarantined_until=row.quarantined_until,
        record=Record(
            failures=dict(row.failures),
            in_a_row={name: Past(name, succeeded) for name, succeeded in row.in_a_row.items()},
            quarantines=row.quarantines,
        ),
        reserved=None if row.kept is None else Reservation(*row.kept, inf),
    )


def _job(rows: Rows, job_id: str) -> Job:
    row, asked = rows.jobs[job_id], rows.asked[job_id]
    return Job(
        id=row.id,
        tenant_id=asked.tenant_id,
        owner_id=asked.owner_id,
        name=asked.name,
        bundle_id=asked.bundle_id,
        spec=asked.spec,
        created_at=asked.created_at,
        priority=asked.priority,
        paused=row.paused,
        user=asked.user or asked.owner_id,
        approved=asked.approved,
        before=before(rows, asked.spec),
        applied_version=row.applied_version,
        applied_retries=row.applied_retries,
        applied_cleanups=row.applied_cleanups,
        row_version=row.version,
        state=row.state,
        error=row.error,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def before(rows: Rows, spec: JobSpec) -> dict[str, JobState]:
    """Return where those jobs stand that one with this specification waits for."""
    known = (after.job_id for after in spec.after if after.job_id in rows.jobs)
    return {job_id: rows.jobs[job_id].state for job_id in known}


def _step(rows: Rows, row: StepRow, job: Job) -> Step:
    waiting = Waiting(row.total, row.next_ordinal)
    waiting.restore(rows.given_back.get(row.id, {}).values())
    step = Step(
        id=row.id,
        job=job,
        position=row.position,
        spec=job.spec.steps[row.position],
        waiting=waiting,
        state=row.state,
        succeeded=row.succeeded,
        given_up=dict(rows.failed.get(row.id, {})),
        ram=row.ram,
        timing=replace(row.timing),
        held_until=row.held_until,
        shortages=row.shortages,
    )
    job.steps.append(step)
    return step


def _attempt(row: AttemptRow, step: Step) -> Attempt:
    running = row.state is AttemptState.RUNNING
    task = Task(
        id=row.task_id,
        step=step,
        ordinals=row.ordinals,
        created_at=row.created_at,
        failures=row.failures,
        tries=row.tries,
        state=TaskState.RUNNING if running else TaskState.ASSIGNED,
        remaining=set(row.ordinals) - row.delivered,
    )
    return Attempt(
        id=row.id,
        task=task,
        node_id=row.node_id,
        session=row.session,
        cores=row.cores,
        ram=row.ram,
        gpus=row.gpus,
        disk=step.needs.disk,
        state=row.state,
    )

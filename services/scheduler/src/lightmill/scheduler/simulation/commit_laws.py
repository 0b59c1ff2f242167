"""What every commit keeps to, told from the rows before it and the changes that it brings."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lightmill.domain.job import Wanted
from lightmill.domain.results import attempt_prefix
from lightmill.domain.states import (
    ATTEMPT_TRANSITIONS,
    JOB_TRANSITIONS,
    STEP_TRANSITIONS,
    AttemptState,
    JobState,
    StepState,
)
from lightmill.scheduler.core.changes import Changes, Transition
from lightmill.scheduler.simulation.database import Rows
from lightmill.scheduler.simulation.store import Store

Holds = Callable[[str], bool]

_TABLES: Mapping[str, tuple[type[StrEnum], Mapping[Any, frozenset[Any]]]] = {
    "job": (JobState, JOB_TRANSITIONS),
    "step": (StepState, STEP_TRANSITIONS),
    "attempt": (AttemptState, ATTEMPT_TRANSITIONS),
}


@dataclass(kw_only=True)
class Commit:
    """What a law of commits looks at.

    Attributes:
        newest: The newest epoch that has committed before.
        current: The one attempt that each (step, ordinal) is given to, after the last commit.
        on_machine: Tells of (node, attempt) whether the machine really holds it.
        prompt: Attempts whose order took less than a beat from its commit to the machine.
    """

    rows: Rows
    store: Store
    changes: Changes
    epoch: int
    newest: int
    current: dict[tuple[str, int], str]
    on_machine: Callable[[str, str], bool]
    prompt: set[str]


@dataclass
class Tally:
    """Counts beside the rows, kept by whoever judges."""

    results: Counter[str] = field(default_factory=Counter)
    current: dict[tuple[str, int], str] = field(default_factory=dict)
    outstanding: Counter[str] = field(default_factory=Counter)


def no_commit_of_an_old_epoch(commit: Commit) -> Iterator[str]:
    """Whoever was deposed writes nothing any more, and epochs only grow."""
    if commit.epoch != commit.rows.epoch or commit.epoch < commit.newest:
        yield f"epoch {commit.epoch} commits while {commit.rows.epoch} leads"


def one_result_a_frame(commit: Commit) -> Iterator[str]:
    """No frame becomes a result twice."""
    keys = [(d.attempt.task.step.id, d.result.ordinal) for d in commit.changes.delivered]
    if len(set(keys)) < len(keys):
        yield "twice in one commit"
    yield from (f"again: {key}" for key in keys if key in commit.rows.results)


def results_are_of_current_attempts(commit: Commit) -> Iterator[str]:
    """A result comes from the attempt that the frame was given to, while that was so."""
    for delivered in commit.changes.delivered:
        row = commit.rows.attempts.get(delivered.attempt.id)
        key = delivered.attempt.task.step.id, delivered.result.ordinal
        if row is None or not row.live or commit.current.get(key) != row.id:
            yield f"{delivered.attempt.id} delivers {key} and is not the current attempt"


def results_are_whole_files(commit: Commit) -> Iterator[str]:
    """What is served was stored to its last byte, under the prefix of its own attempt."""
    for delivered in commit.changes.delivered:
        job, key = delivered.attempt.task.step.job, delivered.result.key
        prefix = attempt_prefix(job.tenant_id, job.id, delivered.attempt.id)
        if key is None or not commit.store.whole(key) or not key.startswith(prefix):
            yield f"{key} would be served"


def transitions_follow_the_tables(commit: Commit) -> Iterator[str]:
    """States of jobs, steps and attempts change as the tables allow, from where the rows stand."""
    standing: dict[str, str | None] = {}
    for line in commit.changes.transitions:
        if line.became == "PAUSED" or line.was in {line.became, "PAUSED"}:
            continue
        before = standing.get(line.entity_id, _before(commit.rows, line))
        states, table = _TABLES[line.entity]
        allowed = before is None or line.became in table[states(before)]
        if line.was != before or not allowed:
            yield f"{line.entity} {line.entity_id}: {before} -> {line.became}, told as {line.was}"
        standing[line.entity_id] = line.became


def a_lost_attempt_uses_no_retry(commit: Commit) -> Iterator[str]:
    """What a lost attempt gives back has failed as often as before."""
    failures = {
        (attempt.task.step.id, ordinal): attempt.task.failures
        for attempt in commit.changes.born
        for ordinal in attempt.task.ordinals
    }
    for key, item in commit.changes.given_back.items():
        if item is not None:
            failures[key] = item.failures
    for move in commit.changes.moved:
        if move.attempt.state is not AttemptState.LOST:
            continue
        row = commit.rows.attempts[move.attempt.id]
        for ordinal in row.ordinals:
            if failures.get((row.step_id, ordinal), row.failures) != row.failures:
                yield f"{row.id} was lost, and ordinal {ordinal} pays for it"


def cancelled_jobs_get_nothing(commit: Commit) -> Iterator[str]:
    """After the commit that cancels a job, nothing of it is begun or becomes a result."""
    late = [d.attempt for d in commit.changes.delivered] + commit.changes.born
    for attempt in late:
        row = commit.rows.jobs.get(attempt.task.step.job.id)
        if row is not None and row.state is JobState.CANCELLED:
            yield f"{attempt.id} of {row.id}, which is cancelled"


def unwanted_jobs_get_nothing_new(commit: Commit) -> Iterator[str]:
    """What its owner has paused or cancelled is not handed out, once that is applied."""
    for attempt in commit.changes.born:
        job = attempt.task.step.job
        asked = commit.rows.asked[job.id]
        applied = asked.version == job.applied_version
        if applied and (asked.paused or asked.wanted is Wanted.CANCEL):
            yield f"{attempt.id} of {job.id}, paused or cancelled"


def one_attempt_a_frame(commit: Commit) -> Iterator[str]:
    """A frame is given to one attempt at a time, and never again once it has a result."""
    ended = {move.attempt.id for move in commit.changes.moved if move.attempt.ended}
    for attempt in commit.changes.born:
        for ordinal in attempt.task.ordinals:
            key = attempt.task.step.id, ordinal
            holder = commit.current.get(key)
            if key in commit.rows.results or (holder is not None and holder not in ended):
                yield f"{attempt.id} gets {key}, which {holder or 'a result'} has"


def nothing_is_lost_that_its_machine_holds(commit: Commit) -> Iterator[str]:
    """What a machine has said that it renders, or was told in time to render, is not lost."""
    for move in commit.changes.moved:
        attempt = move.attempt
        gone = attempt.state is AttemptState.LOST and move.detail == "the node does not hold it"
        told = attempt.listed or attempt.id in commit.prompt
        if gone and told and commit.on_machine(attempt.node_id, attempt.id):
            yield f"{attempt.id} on {attempt.node_id}"


def counts_add_up(rows: Rows, tally: Tally, step_ids: Iterator[str]) -> Iterator[str]:
    """Done, given up, given back, running and never begun make up all frames of a step."""
    for step_id in step_ids:
        row = rows.steps[step_id]
        waits = row.total - row.next_ordinal + row.locked + len(rows.given_back.get(step_id, ()))
        failed = len(rows.failed.get(step_id, ()))
        if row.succeeded + failed + waits + row.outstanding != row.total:
            yield f"{row}: {failed} given up, {waits} wait"
        if (row.succeeded, row.outstanding) != (
            tally.results[step_id],
            tally.outstanding[step_id],
        ):
            yield f"{row}: {tally.results[step_id]} results, {tally.outstanding[step_id]} run"


def completed_jobs_are_complete(rows: Rows, changes: Changes) -> Iterator[str]:
    """A job that is COMPLETED has a result for every frame, and one that ended runs nowhere."""
    for job in changes.jobs.values():
        steps = [rows.steps[step.id] for step in job.steps]
        missing = any(step.succeeded < step.total for step in steps)
        if rows.jobs[job.id].state is JobState.COMPLETED and missing:
            yield f"{job.id} with frames missing"
        if rows.jobs[job.id].finished_at and any(step.outstanding for step in steps):
            yield f"{job.id} has ended, and attempts of it live"


BEFORE = (
    no_commit_of_an_old_epoch,
    one_result_a_frame,
    results_are_of_current_attempts,
    results_are_whole_files,
    transitions_follow_the_tables,
    a_lost_attempt_uses_no_retry,
    cancelled_jobs_get_nothing,
    unwanted_jobs_get_nothing_new,
    one_attempt_a_frame,
    nothing_is_lost_that_its_machine_holds,
)


def _before(rows: Rows, line: Transition) -> str | None:
    if line.entity == "job":
        job = rows.jobs.get(line.entity_id)
        return None if job is None else job.state
    if line.entity == "step":
        step = rows.steps.get(line.entity_id)
        return None if step is None else step.state
    attempt = rows.attempts.get(line.entity_id)
    return None if attempt is None else attempt.state

"""What a turn writes, as rows: taken from memory at once, since memory goes on changing."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Table

from lightmill.domain.failures import FailureKind
from lightmill.domain.states import ATTEMPT_TRANSITIONS, AttemptState, TaskState, is_final
from lightmill.scheduler.adapters import rows
from lightmill.scheduler.adapters.effects import effects
from lightmill.scheduler.adapters.rows import Row
from lightmill.scheduler.core.changes import AttemptMoved, Changes
from lightmill.scheduler.core.error_report import ErrorReport
from lightmill.storage.sql.outbox import Effect
from lightmill.storage.sql.schema.scheduler import (
    ATTEMPTS,
    FAILED_ORDINALS,
    GIVEN_BACK,
    HISTORY,
    JOB_STATES,
    LIMIT_STATES,
    NODES,
    OUTLOOKS,
    RESULTS,
    STEPS,
    TASKS,
)

Standing = tuple[TaskState, float, str | None]
Move = tuple[AttemptState, AttemptState, FailureKind | None, str]
_STACK = rows.DETAIL_LENGTH


@dataclass(slots=True, kw_only=True)
class Batch:
    """One transaction.

    Attributes:
        added: Rows that are new.
        moves: Attempts by where they stood and stand, and why.
        standings: Tasks by where they stand.
        taken: Ordinals that no longer wait, with their steps.
        gone: Rows to delete, by the values of a column.
        put: Rows that are new or replace those that are there.
        freed: Bytes by job and node.
    """

    added: Mapping[Table, Sequence[Row]]
    moves: Mapping[Move, Sequence[str]]
    standings: Mapping[Standing, Sequence[str]]
    taken: Sequence[tuple[str, int]]
    gone: Mapping[Column[Any], Sequence[str]]
    put: Mapping[Table, Sequence[Row]]
    freed: Mapping[tuple[str, str], int]
    reports: Sequence[ErrorReport]
    effects: Sequence[Effect] = field(default_factory=list)


def batch(changes: Changes, now: datetime, *, epoch: int, beat: float) -> Batch:
    """Return everything that `changes` ask for, as it is now."""
    jobs = {job_id: rows.job_row(job, now) for job_id, job in changes.jobs.items()}
    # An attempt's own row says when it was given out, begun and ended, and why.
    lines = [line for line in changes.transitions if line.entity != "attempt"]
    outlooks = changes.outlooks.items()
    return Batch(
        added={
            TASKS: [rows.task_row(attempt) for attempt in changes.born],
            ATTEMPTS: [rows.attempt_row(attempt, epoch, now) for attempt in changes.born],
            RESULTS: [rows.result_row(delivered, now) for delivered in changes.delivered],
            HISTORY: [rows.history_row(line, now) for line in lines],
        },
        moves=_moves(changes.moved),
        standings=_standings(changes),
        taken=[key for key, item in changes.given_back.items() if item is None],
        gone={
            FAILED_ORDINALS.c.step_id: changes.forgiven,
            OUTLOOKS.c.job_id: [job_id for job_id, one in outlooks if one is None],
        },
        put={
            GIVEN_BACK: [
                rows.given_back_row(step_id, item)
                for (step_id, _), item in changes.given_back.items()
                if item is not None
            ],
            FAILED_ORDINALS: [rows.failed_row(item, now) for item in changes.failed],
            STEPS: [rows.step_row(step, now) for step in changes.steps.values()],
            JOB_STATES: list(jobs.values()),
            NODES: [rows.node_row(node, now) for node in changes.nodes.values()],
            OUTLOOKS: [rows.outlook_row(one, now) for _, one in outlooks if one is not None],
            LIMIT_STATES: [rows.ceiling_row(*one, now) for one in changes.ceilings.items()],
        },
        freed=changes.freed,
        reports=_reports(changes.moved),
        effects=list(effects(changes, jobs, epoch=epoch, beat=beat)),
    )


def _moves(moved: Iterable[AttemptMoved]) -> Mapping[Move, Sequence[str]]:
    """Return attempts by where they stood first and stand last: a statement for each."""
    moves: dict[str, Move] = {}
    for move in moved:
        attempt = move.attempt
        was = moves[attempt.id][0] if attempt.id in moves else move.was
        # A turn may both begin and end an attempt; the last move tells why it ended.
        ended = is_final(ATTEMPT_TRANSITIONS, attempt.state)
        moves[attempt.id] = (was, attempt.state, move.failure, move.detail if ended else "")
    alike: dict[Move, list[str]] = defaultdict(list)
    for attempt_id, kind in moves.items():
        alike[kind].append(attempt_id)
    return alike


def _standings(changes: Changes) -> Mapping[Standing, Sequence[str]]:
    """Return tasks by where they stand: a statement for each."""
    errors = {move.attempt.task.id: move.detail for move in changes.moved if move.failure}
    alike: dict[Standing, list[str]] = defaultdict(list)
    for task in changes.tasks.values():
        progress = 1.0 if task.state is TaskState.SUCCEEDED else round(task.progress, 2)
        alike[task.state, progress, errors.get(task.id)].append(task.id)
    return alike


def _reports(moved: Iterable[AttemptMoved]) -> list[ErrorReport]:
    return [
        ErrorReport(kind=move.failure, message=move.detail, stack=move.detail[:_STACK])
        for move in moved
        if move.failure is not None
    ]

"""How attempts begin and end, and what becomes of the frames that they did not deliver."""

import zlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from lightmill.domain.failures import FREE, FailureKind
from lightmill.domain.results import FrameResult, attempt_prefix
from lightmill.domain.states import (
    ATTEMPT_TRANSITIONS,
    TASK_TRANSITIONS,
    AttemptState,
    TaskState,
    move,
)
from lightmill.scheduler.core.changes import AttemptMoved, Delivered
from lightmill.scheduler.core.claims import is_plausible
from lightmill.scheduler.core.state import FarmState
from lightmill.scheduler.core.waiting import GivenBack
from lightmill.scheduler.core.work import Attempt, FailedOrdinal, Step

_TASK_ENDS = {
    AttemptState.SUCCEEDED: TaskState.SUCCEEDED,
    AttemptState.FAILED: TaskState.FAILED,
    AttemptState.CANCELLED: TaskState.CANCELLED,
    AttemptState.LOST: TaskState.CANCELLED,
}


def begin(farm: FarmState, attempt: Attempt) -> None:
    """Note that the node has begun `attempt`."""
    if attempt.state is not AttemptState.ASSIGNED:
        return
    task = attempt.task
    task.state = move(TASK_TRANSITIONS, task.state, TaskState.RUNNING)
    _move(farm, attempt, AttemptState.RUNNING, "begun by the node")


def deliver(farm: FarmState, attempt: Attempt, results: Iterable[FrameResult]) -> None:
    """Take in frames of the current attempt; what was not asked for, or cannot be, is left out."""
    task, step = attempt.task, attempt.task.step
    prefix = attempt_prefix(step.job.tenant_id, step.job.id, attempt.id)
    for result in results:
        if result.ordinal not in task.remaining or not is_plausible(result, prefix):
            continue
        task.remaining.discard(result.ordinal)
        step.succeeded += 1
        farm.changes.delivered.append(Delivered(attempt, result))
        if step.position == 0 and result.ordinal == 0:
            step.job.result_key = result.key


def succeed(farm: FarmState, attempt: Attempt) -> None:
    """End `attempt` as done."""
    _end(farm, attempt, AttemptState.SUCCEEDED, "every frame delivered")


def fail(farm: FarmState, attempt: Attempt, kind: FailureKind, detail: str) -> bool:
    """End `attempt` as failed: its first missing frame is tried again later, or given up.

    Returns:
        Whether the failure is of a kind that no frame of the step could escape.
    """
    task, policy = attempt.task, attempt.task.step.job.spec.retry
    _end(farm, attempt, AttemptState.FAILED, f"{kind}: {detail[:500]}", kind, detail)
    missing = [ordinal for ordinal in task.ordinals if ordinal in task.remaining]
    if not missing:
        return False
    _give_back(farm, attempt, missing[1:])
    failures = task.failures + (kind not in FREE)
    if policy.allows(failures, kind):
        draw = zlib.crc32(attempt.id.encode()) / 2**32
        wait = timedelta(seconds=policy.wait(max(1, failures), draw))
        _give_back(farm, attempt, missing[:1], wait=wait, failures=failures)
        return False
    _give_up(farm, attempt, missing[0], (kind, detail))
    return kind is FailureKind.MISSING_FILE


def lose(farm: FarmState, attempt: Attempt, why: str) -> None:
    """End `attempt` as lost; its frames go back at once and no retry is used."""
    _end(farm, attempt, AttemptState.LOST, why)
    _give_back(farm, attempt, sorted(attempt.task.remaining))


def give_up(farm: FarmState, attempt: Attempt, why: str) -> None:
    """End `attempt` as cancelled because its node let go of it; its frames go back at once."""
    _end(farm, attempt, AttemptState.CANCELLED, why)
    _give_back(farm, attempt, sorted(attempt.task.remaining), tries=0)


def dismiss(farm: FarmState, attempt: Attempt, why: str) -> None:
    """End `attempt` as cancelled and order its node to kill it; the node stays occupied."""
    give_up(farm, attempt, why)
    farm.changes.letter(farm.nodes[attempt.node_id]).cancel.append(attempt.id)


def recall(farm: FarmState, attempt: Attempt) -> None:
    """Ask the node to give `attempt` back if it has not begun it."""
    if not attempt.recalled:
        attempt.recalled = True
        farm.changes.letter(farm.nodes[attempt.node_id]).recall.append(attempt.id)


def hurry(farm: FarmState, step: Step) -> None:
    """Let no frame of `step` wait longer than its retries say, whatever clock set the time."""
    for back in list(step.waiting.given_back.values()):
        wait = step.job.spec.retry.wait(max(1, back.failures), 1.0)
        latest = farm.now + timedelta(seconds=wait)
        if back.not_before > latest:
            step.waiting.give_back(replace(back, not_before=latest))


def _end(
    farm: FarmState,
    attempt: Attempt,
    wanted: AttemptState,
    why: str,
    kind: FailureKind | None = None,
    detail: str = "",
) -> None:
    task = attempt.task
    task.state = move(TASK_TRANSITIONS, task.state, _TASK_ENDS[wanted])
    task.step.running.pop(attempt.id)
    farm.changes.steps[task.step.id] = task.step
    _move(farm, attempt, wanted, why, kind, detail)


def _move(
    farm: FarmState,
    attempt: Attempt,
    wanted: AttemptState,
    why: str,
    kind: FailureKind | None = None,
    detail: str = "",
) -> None:
    was, attempt.state = attempt.state, move(ATTEMPT_TRANSITIONS, attempt.state, wanted)
    job = attempt.task.step.job
    farm.changes.moved.append(
        AttemptMoved(attempt=attempt, was=was, failure=kind, detail=detail or why)
    )
    farm.changes.tasks[attempt.task.id] = attempt.task
    farm.note(job, "attempt", attempt.id, (was, wanted, why))
    farm.touch(job)


def _give_back(
    farm: FarmState,
    attempt: Attempt,
    ordinals: Iterable[int],
    *,
    wait: timedelta = timedelta(0),
    failures: int | None = None,
    tries: int = 1,
) -> None:
    task, step = attempt.task, attempt.task.step
    for ordinal in ordinals:
        back = GivenBack(
            ordinal=ordinal,
            not_before=farm.now + wait,
            failures=task.failures if failures is None else failures,
            tries=task.tries + tries,
            avoid_node=attempt.node_id if failures is not None else None,
        )
        step.waiting.give_back(back)
        farm.changes.given_back[step.id, ordinal] = back


def _give_up(
    farm: FarmState, attempt: Attempt, ordinal: int, reason: tuple[FailureKind, str]
) -> None:
    task, step = attempt.task, attempt.task.step
    kind, detail = reason
    failed = FailedOrdinal(
        step_id=step.id,
        ordinal=ordinal,
        frame=step.spec.frame_at(ordinal),
        failures=task.failures + 1,
        tries=task.tries + 1,
        kind=kind,
        error=detail,
    )
    step.given_up[ordinal] = failed
    farm.changes.failed.append(failed)

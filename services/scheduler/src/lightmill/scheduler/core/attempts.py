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
from lightmill.scheduler.core.asking import demand_of
from lightmill.scheduler.core.changes import AttemptMoved, Delivered
from lightmill.scheduler.core.claims import is_plausible
from lightmill.scheduler.core.counted import LONGEST_HOLD, held
from lightmill.scheduler.core.state import FarmState
from lightmill.scheduler.core.waiting import GivenBack
from lightmill.scheduler.core.work import Attempt, FailedOrdinal, Step

# Looked up on its class, a member takes ten times as long, and every frame begins and ends.
_BEGUN, _SUCCEEDED = AttemptState.RUNNING, AttemptState.SUCCEEDED
_TASK_BEGUN = TaskState.RUNNING

_TASK_ENDS = {
    AttemptState.SUCCEEDED: TaskState.SUCCEEDED,
    AttemptState.FAILED: TaskState.FAILED,
    AttemptState.CANCELLED: TaskState.CANCELLED,
    AttemptState.LOST: TaskState.CANCELLED,
}


def begin(farm: FarmState, attempt: Attempt) -> None:
    """Note that the node has begun `attempt`, which was assigned."""
    task = attempt.task
    task.state = move(TASK_TRANSITIONS, task.state, _TASK_BEGUN)
    _move(farm, attempt, _BEGUN, "begun by the node")


MOST_TRIES = 30
"""Of one frame, of any end: one that takes its node down wherever it goes is tried no more."""

_MORE_MEMORY = 1.5
"""What a task gets of the memory that was not enough."""


def deliver(farm: FarmState, attempt: Attempt, results: Iterable[FrameResult]) -> list[int]:
    """Take in frames of the current attempt and return their ordinals.

    What was not asked for, or cannot be, is left out.
    """
    taken = []
    step, remaining = attempt.task.step, attempt.task.remaining
    prefix = attempt_prefix(step.job.tenant_id, step.job.id, attempt.id)
    for result in results:
        ordinal = result.ordinal
        if ordinal not in remaining or not is_plausible(result, prefix):
            continue
        if result.key is None and step.work.leaves_file:
            continue
        remaining.discard(ordinal)
        step.succeeded += 1
        step.timing.add(result.seconds if result.seconds > 0 else 0.0)
        taken.append(ordinal)
        farm.changes.delivered.append(Delivered(attempt, result))
        if step.position == 0 and ordinal == 0:
            step.job.result_key = result.key
    return taken


def succeed(farm: FarmState, attempt: Attempt) -> None:
    """End `attempt` as done."""
    _end(farm, attempt, _SUCCEEDED, "every frame delivered")


def fail(
    farm: FarmState, attempt: Attempt, kind: FailureKind, detail: str
) -> FailedOrdinal | None:
    """End `attempt` as failed: its first missing frame is tried again later, or given up.

    Returns:
        The frame that is given up, if one is.
    """
    task = attempt.task
    _end(farm, attempt, AttemptState.FAILED, f"{kind}: {detail[:500]}", kind, detail)
    missing = [ordinal for ordinal in task.ordinals if ordinal in task.remaining]
    if not missing:
        return None
    _give_back(farm, attempt, missing[1:])
    failures = task.failures + (kind not in FREE)
    allowed = task.step.job.spec.retry.allows(failures, kind)
    if not allowed or (task.tries + 1 >= MOST_TRIES and kind is not FailureKind.LICENCE):
        return _give_up(farm, attempt, missing[0], (kind, detail))
    wait = _answer(farm, attempt, kind, failures)
    _give_back(farm, attempt, missing[:1], wait=wait, failures=failures)
    return None


def lose(farm: FarmState, attempt: Attempt, why: str) -> FailedOrdinal | None:
    """End `attempt` as lost; its frames go back at once and no retry is used.

    Returns:
        The frame that is given up because its node was lost too often with it, if one is.
    """
    _end(farm, attempt, AttemptState.LOST, why)
    task = attempt.task
    missing = sorted(task.remaining)
    if missing and task.tries + 1 >= MOST_TRIES:
        _give_back(farm, attempt, missing[1:], tries=-task.tries)
        why = f"lost {MOST_TRIES} times with its node, the last time: {why}"
        return _give_up(farm, attempt, missing[0], (FailureKind.NODE, why))
    _give_back(farm, attempt, missing)
    return None


def _answer(farm: FarmState, attempt: Attempt, kind: FailureKind, failures: int) -> timedelta:
    """Do what the kind of failure asks for; return for how long the frame is to wait."""
    step = attempt.task.step
    if kind is FailureKind.LICENCE:
        return _hold(farm, step)
    if kind is FailureKind.OUT_OF_MEMORY:
        _ask_for_more_memory(farm, attempt)
    draw = zlib.crc32(attempt.id.encode()) / 2**32
    return timedelta(seconds=step.job.spec.retry.wait(max(1, failures), draw))


def _hold(farm: FarmState, step: Step) -> timedelta:
    """Hold back all of `step`, and all that shares its limits: the others would fail alike."""
    step.shortages, step.held_until = held(step.shortages, step.held_until, farm.now)
    waits = [counted.run_short(farm.now) for counted in farm.limits.named(step)]
    longest = max([step.held_until - farm.now, *waits])
    step.held_until = farm.now + longest
    farm.queue.wake(step, step.held_until)
    return longest


def _ask_for_more_memory(farm: FarmState, attempt: Attempt) -> None:
    """Let tasks of the step have more from now on, as far as any machine has more."""
    step = attempt.task.step
    demand = demand_of(farm, step)
    most = max((kind.offer.ram for kind in demand.kinds), default=0)
    wanted = min(int(attempt.ram * _MORE_MEMORY), most)
    if wanted > max(attempt.ram, step.ram or 0):
        step.ram = wanted
        del farm.demands[step.id]
        farm.changes.steps[step.id] = step


def give_up(farm: FarmState, attempt: Attempt, why: str) -> None:
    """End `attempt` as cancelled because its node let go of it; its frames go back at once."""
    _end(farm, attempt, AttemptState.CANCELLED, why)
    _give_back(farm, attempt, sorted(attempt.task.remaining), tries=0)


def dismiss(farm: FarmState, attempt: Attempt, why: str) -> None:
    """End `attempt` as cancelled and order its node to kill it; the node stays occupied."""
    give_up(farm, attempt, why)
    farm.changes.letter(farm.nodes[attempt.node_id]).call_off(attempt.id)


def recall(farm: FarmState, attempt: Attempt) -> None:
    """Ask the node to give `attempt` back if it has not begun it."""
    if not attempt.recalled:
        attempt.recalled = True
        letter = farm.changes.letter(farm.nodes[attempt.node_id])
        letter.recall = [*letter.recall, attempt.id]


def hurry(farm: FarmState, step: Step) -> None:
    """Let nothing of `step` wait longer than its failures say, whatever clock set the time."""
    if step.held_until is not None:
        step.held_until = min(step.held_until, farm.now + LONGEST_HOLD)
        farm.queue.wake(step, step.held_until)
    for back in list(step.waiting.given_back.values()):
        wait = step.job.spec.retry.wait(max(1, back.failures), 1.0)
        latest = farm.now + timedelta(seconds=wait)
        if back.not_before > latest:
            step.waiting.give_back(replace(back, not_before=latest))
        farm.queue.wake(step, min(back.not_before, latest))


def _end(
    farm: FarmState,
    attempt: Attempt,
    wanted: AttemptState,
    why: str,
    kind: FailureKind | None = None,
    detail: str = "",
) -> None:
    task = attempt.task
    step = task.step
    task.state = move(TASK_TRANSITIONS, task.state, _TASK_ENDS[wanted])
    del step.running[attempt.id]
    farm.changes.steps[step.id] = step
    _move(farm, attempt, wanted, why, kind, detail)


def _move(
    farm: FarmState,
    attempt: Attempt,
    wanted: AttemptState,
    why: str,
    kind: FailureKind | None = None,
    detail: str = "",
) -> None:
    task, was, changes = attempt.task, attempt.state, farm.changes
    attempt.state = move(ATTEMPT_TRANSITIONS, was, wanted)
    changes.moved.append(AttemptMoved(attempt, was, kind, detail or why))
    changes.tasks[task.id] = task
    job = task.step.job
    changes.jobs[job.id] = farm.stirred[job.id] = job  # `touch`, of which a call takes as long


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
        if wait:
            farm.queue.wake(step, back.not_before)


def _give_up(
    farm: FarmState, attempt: Attempt, ordinal: int, reason: tuple[FailureKind, str]
) -> FailedOrdinal:
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
    return failed

"""Where jobs, steps, tasks, attempts and nodes stand, and the transitions that are allowed.

Each table maps a state to the states it may lead to; nothing else may ever happen to a row.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar


class JobState(StrEnum):
    """A job as the scheduler knows it; `PAUSED` is only ever shown, never stored."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class StepState(StrEnum):
    """A step; `BLOCKED` waits for another step or for a person."""

    BLOCKED = "BLOCKED"
    READY = "READY"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class TaskState(StrEnum):
    """A task; it is born when it is first given to a node."""

    ASSIGNED = "ASSIGNED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class AttemptState(StrEnum):
    """One try of a task on one node; `LOST` uses up no retry."""

    ASSIGNED = "ASSIGNED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    LOST = "LOST"


class NodeState(StrEnum):
    """A render machine; only `ONLINE` nodes get work."""

    ONLINE = "ONLINE"
    DRAINING = "DRAINING"
    OFFLINE = "OFFLINE"
    QUARANTINED = "QUARANTINED"
    DISABLED = "DISABLED"


State = TypeVar("State", bound=StrEnum)

JOB_TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    JobState.PENDING: frozenset(
        {JobState.PROCESSING, JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}
    ),
    JobState.PROCESSING: frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}),
    JobState.COMPLETED: frozenset(),
    JobState.FAILED: frozenset({JobState.PROCESSING}),  # by `retry`
    JobState.CANCELLED: frozenset(),
}

STEP_TRANSITIONS: Mapping[StepState, frozenset[StepState]] = {
    StepState.BLOCKED: frozenset({StepState.READY, StepState.FAILED, StepState.CANCELLED}),
    StepState.READY: frozenset({StepState.RUNNING, StepState.FAILED, StepState.CANCELLED}),
    StepState.RUNNING: frozenset({StepState.SUCCEEDED, StepState.FAILED, StepState.CANCELLED}),
    StepState.SUCCEEDED: frozenset(),
    StepState.FAILED: frozenset({StepState.READY, StepState.BLOCKED}),  # by `retry`
    StepState.CANCELLED: frozenset(),
}

TASK_TRANSITIONS: Mapping[TaskState, frozenset[TaskState]] = {
    TaskState.ASSIGNED: frozenset(
        {TaskState.RUNNING, TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED}
    ),
    TaskState.RUNNING: frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED}),
    TaskState.SUCCEEDED: frozenset(),
    TaskState.FAILED: frozenset(),
    TaskState.CANCELLED: frozenset(),
}

_ATTEMPT_ENDS = frozenset(
    {
        AttemptState.SUCCEEDED,
        AttemptState.FAILED,
        AttemptState.CANCELLED,
        AttemptState.LOST,
    }
)
ATTEMPT_TRANSITIONS: Mapping[AttemptState, frozenset[AttemptState]] = {
    AttemptState.ASSIGNED: _ATTEMPT_ENDS | {AttemptState.RUNNING},
    AttemptState.RUNNING: _ATTEMPT_ENDS,
    AttemptState.SUCCEEDED: frozenset(),
    AttemptState.FAILED: frozenset(),
    AttemptState.CANCELLED: frozenset(),
    AttemptState.LOST: frozenset(),
}

_NODE_ANY = frozenset(NodeState)
NODE_TRANSITIONS: Mapping[NodeState, frozenset[NodeState]] = {
    state: _NODE_ANY - {state} for state in NodeState
}


class IllegalTransitionError(Exception):
    """A state was asked to become one that it does not lead to."""


def move(transitions: Mapping[State, frozenset[State]], present: State, wanted: State) -> State:
    """Return `wanted`.

    Raises:
        IllegalTransitionError: `present` does not lead there.
    """
    if wanted not in transitions[present]:
        raise IllegalTransitionError(f"{type(present).__name__}: {present} -> {wanted}")
    return wanted


def is_final(transitions: Mapping[State, frozenset[State]], state: State) -> bool:
    """Tell whether nothing leads out of `state` any more."""
    return not transitions[state]

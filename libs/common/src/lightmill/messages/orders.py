"""Leader to one session of one node: what to do, and what is settled in the same turn.

The parts are plain dataclasses: the leader makes tens of thousands a second, and a validated or
a frozen one takes it several times as long. They are validated where they are read.
"""

from dataclasses import dataclass
from typing import ClassVar

from lightmill.domain.job import Work
from lightmill.messages.attempts_settled import AttemptsSettled
from lightmill.messages.message import Message
from lightmill.messages.topology import NODES


@dataclass(slots=True, kw_only=True)
class Frame:
    """One frame of an assignment: its place in the step, and its number in the scene."""

    ordinal: int
    frame: int


@dataclass(slots=True, kw_only=True)
class Assignment:
    """Render these frames.

    Attributes:
        owner: First folder of the workspace (seed 004's unionid).
        bundle_id: Files that the job needs; None where it needs none.
        cores: Processors granted; the engine is held to them.
        ram: Bytes granted.
        gpus: Indices of the devices granted.
        sandbox: The least level of isolation that the engine must have; None: any.
    """

    attempt_id: str
    task_id: str
    step_id: str
    job_id: str
    tenant_id: str
    owner: str
    work: Work
    bundle_id: str | None
    frames: tuple[Frame, ...]
    cores: int
    ram: int
    gpus: tuple[int, ...] = ()
    sandbox: str | None = None


class Orders(Message):
    """Many orders at once; a node refuses an epoch older than one that it has seen.

    Attributes:
        assign: New work.
        cancel: Attempts to kill, whatever their state.
        recall: Attempts to give back if they have not started.
        forget_workspaces: (owner, job) whose folders are to be deleted.
        drain: Whether to take no more work; None leaves it as it is.
        settled: Comes before the rest, and counts whatever the epoch: it is in the database.
    """

    exchange: ClassVar[str] = NODES
    routing_key: ClassVar[str] = "orders.v1"

    epoch: int
    beat: float
    assign: tuple[Assignment, ...] = ()
    cancel: tuple[str, ...] = ()
    recall: tuple[str, ...] = ()
    forget_workspaces: tuple[tuple[str, str], ...] = ()
    drain: bool | None = None
    settled: AttemptsSettled | None = None

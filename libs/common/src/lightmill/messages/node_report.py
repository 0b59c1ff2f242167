"""Node to leader: the whole truth about one session of one node."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from lightmill.domain.failures import FailureKind
from lightmill.domain.resources import Offer
from lightmill.domain.results import FrameResult
from lightmill.messages.message import Message
from lightmill.messages.topology import REPORTS


class HeldState(StrEnum):
    """What the node is doing with an attempt."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAttempt:
    """An attempt that the node holds and has not finished.

    A plain dataclass, as the parts of orders are: reports list tens of thousands a second.

    Attributes:
        progress: Share of the attempt's work done, 0 to 1.
        delivered: Frames stored so far and not yet settled.
        running_seconds: Since the engine began, by the node's own monotonic clock.
    """

    attempt_id: str
    state: HeldState
    progress: float = 0.0
    running_seconds: float = 0.0
    delivered: tuple[FrameResult, ...] = ()


class Outcome(StrEnum):
    """How an attempt ended on the node."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    RECALLED = "RECALLED"


class Finish(Message):
    """The end of an attempt, repeated in every report until it is settled.

    Attributes:
        delivered: Every frame that the attempt stored.
        failure: Set when the outcome is FAILED.
        detail: What a person needs to know: the last lines of the engine's output.
    """

    attempt_id: str
    outcome: Outcome
    delivered: tuple[FrameResult, ...] = ()
    failure: FailureKind | None = None
    detail: str = ""
    seconds: float = 0.0


MOST_FREED = 100
"""Workspaces of which a report tells at the most."""


class FreedWorkspace(Message):
    """A workspace that the node was told to forget, and has deleted.

    Attributes:
        bytes: Of disk that came free by it since the node's start, however often it was told.
    """

    job_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,36}$")]
    bytes: Annotated[int, Field(ge=0, lt=2**63)]


class NodeReport(Message):
    """Sent on every beat and on change.

    Attributes:
        session: Made anew with every connection to the broker.
        sequence: Counts the reports of a session from 1.
        freed: The workspaces that it has deleted last, the oldest first.
        draining: The node takes no more orders and leaves when it holds nothing.
    """

    exchange: ClassVar[str] = REPORTS
    routing_key: ClassVar[str] = "node.report.v1"

    node_id: str
    name: str
    session: str
    sequence: int
    offer: Offer
    draining: bool = False
    held: tuple[HeldAttempt, ...] = ()
    finishes: tuple[Finish, ...] = ()
    freed: Annotated[tuple[FreedWorkspace, ...], Field(max_length=MOST_FREED)] = ()

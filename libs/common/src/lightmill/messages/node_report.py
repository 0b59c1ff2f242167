"""Node to leader: the whole truth about one session of one node."""

from enum import StrEnum
from typing import ClassVar

from lightmill.domain.failures import FailureKind
from lightmill.domain.resources import Offer
from lightmill.domain.results import FrameResult
from lightmill.messages.message import Message
from lightmill.messages.topology import REPORTS


class HeldState(StrEnum):
    """What the node is doing with an attempt."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"


class HeldAttempt(Message):
    """An attempt that the node holds and has not finished.

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


class NodeReport(Message):
    """Sent on every beat and on change.

    Attributes:
        session: Made anew with every connection to the broker.
        sequence: Counts the reports of a session from 1.
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

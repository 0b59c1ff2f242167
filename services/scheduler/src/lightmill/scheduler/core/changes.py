"""What one turn of the scheduler has changed: rows to write and orders to send, in one commit."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lightmill.domain.failures import FailureKind
from lightmill.domain.results import FrameResult
from lightmill.domain.states import AttemptState
from lightmill.messages.attempts_settled import SettledAttempt, SettledFrames
from lightmill.messages.orders import Assignment
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.orders import assignment
from lightmill.scheduler.core.outlook import Outlook
from lightmill.scheduler.core.waiting import GivenBack
from lightmill.scheduler.core.work import Attempt, FailedOrdinal, Job, Step, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One line of the history."""

    tenant_id: str
    job_id: str
    entity: str
    entity_id: str
    was: str | None
    became: str
    why: str
    by: str = "scheduler"


@dataclass(slots=True, eq=False)
class AttemptMoved:
    """An attempt stands somewhere else now."""

    attempt: Attempt
    was: AttemptState
    failure: FailureKind | None = None
    detail: str = ""


@dataclass(slots=True, eq=False)
class Delivered:
    """A frame that this attempt delivered while it was the current one."""

    attempt: Attempt
    result: FrameResult


@dataclass(slots=True)
class Letter:
    """Everything that goes to one session of one node.

    There is one a turn for each node that has news, and most have nothing but new work and
    settled ends: of what few have there is no list before there is something in it.
    """

    assign: list[Attempt] = field(default_factory=list)
    settled: list[SettledAttempt] = field(default_factory=list)
    cancel: Sequence[str] = ()
    recall: Sequence[str] = ()
    forget_workspaces: list[tuple[str, str]] = field(default_factory=list)
    settled_frames: Sequence[SettledFrames] = ()

    def call_off(self, attempt_id: str) -> None:
        """Have the node kill an attempt."""
        self.cancel = [*self.cancel, attempt_id]

    def assignments(self) -> list[Assignment]:
        """Return the new work as the node is told of it."""
        return [assignment(attempt) for attempt in self.assign]


@dataclass(slots=True)
class Changes:
    """Everything that has changed since the last commit.

    Jobs, steps and nodes are written as they stand, and whoever listens to a job is told; the
    rest is told one by one.
    """

    jobs: dict[str, Job] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    nodes_told: set[str] = field(default_factory=set)
    born: list[Attempt] = field(default_factory=list)
    moved: list[AttemptMoved] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)
    delivered: list[Delivered] = field(default_factory=list)
    given_back: dict[tuple[str, int], GivenBack | None] = field(default_factory=dict)
    failed: list[FailedOrdinal] = field(default_factory=list)
    forgiven: list[str] = field(default_factory=list)  # steps whose failed ordinals go back
    freed: dict[tuple[str, str], int] = field(default_factory=dict)  # bytes by job and node
    transitions: list[Transition] = field(default_factory=list)
    outlooks: dict[str, Outlook | None] = field(default_factory=dict)  # None: its job has ended
    ceilings: dict[str, int] = field(default_factory=dict)  # by limit, those that have moved
    letters: dict[tuple[str, str], Letter] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__)

    def letter(self, node: Node) -> Letter:
        """Return what is to be sent to the present session of `node`."""
        key = (node.id, node.session)
        letter = self.letters.get(key)
        if letter is None:
            letter = self.letters[key] = Letter()
        return letter

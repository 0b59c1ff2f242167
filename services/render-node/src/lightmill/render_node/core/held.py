"""One attempt in the hands of the node."""

from dataclasses import dataclass, field
from enum import StrEnum

from lightmill.domain.failures import FailureKind
from lightmill.domain.results import FrameResult
from lightmill.messages.node_report import Finish, HeldAttempt, HeldState, Outcome
from lightmill.messages.orders import Assignment
from lightmill.render_node.core.grants import Grant


class Phase(StrEnum):
    """Where a held attempt stands.

    `STARTING` waits for its files, and `RENDERING` for its engine: these two use what was granted.
    """

    QUEUED = "QUEUED"
    STARTING = "STARTING"
    RENDERING = "RENDERING"
    DELIVERING = "DELIVERING"


@dataclass(slots=True, kw_only=True)
class Held:
    """An attempt from its order to its finish.

    Attributes:
        began: When rendering began, on the monotonic clock.
        done: Share of the frame being rendered that is done.
        rendered: Frames whose rendering is over.
        delivered: Frames stored, by ordinal.
        settled: Ordinals that the leader has committed while the attempt runs.
        killed: Why it was told to end before its work was done, if it was.
        grant: What it may use while it renders.
    """

    assignment: Assignment
    phase: Phase = Phase.QUEUED
    began: float | None = None
    done: float = 0.0
    rendered: int = 0
    delivered: dict[int, FrameResult] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    killed: Outcome | None = None
    grant: Grant = field(init=False)

    def __post_init__(self) -> None:
        self.grant = Grant.of(self.assignment)

    @property
    def attempt_id(self) -> str:
        """The name of the attempt."""
        return self.assignment.attempt_id

    @property
    def recallable(self) -> bool:
        """Whether no engine was started for it, so that it can be given back."""
        return self.phase in {Phase.QUEUED, Phase.STARTING}

    @property
    def uses_grant(self) -> bool:
        """Whether nobody else may use what was granted to it."""
        return self.phase in {Phase.STARTING, Phase.RENDERING}

    @property
    def progress(self) -> float:
        """The share of the attempt's frames that is rendered, 0 to 1."""
        share = (self.rendered + self.done) / max(1, len(self.assignment.frames))
        return min(1.0, max(0.0, share))

    def seconds(self, now: float) -> float:
        """Return how long it has been running."""
        return 0.0 if self.began is None else now - self.began

    def shown(self, now: float) -> HeldAttempt:
        """Return what a report says of it."""
        unsettled = (
            result
            for ordinal, result in sorted(self.delivered.items())
            if ordinal not in self.settled
        )
        return HeldAttempt(
            attempt_id=self.attempt_id,
            state=HeldState.QUEUED if self.recallable else HeldState.RUNNING,
            progress=self.progress,
            running_seconds=self.seconds(now),
            delivered=tuple(unsettled),
        )

    def ended(
        self,
        outcome: Outcome,
        now: float,
        *,
        failure: FailureKind | None = None,
        detail: str = "",
    ) -> Finish:
        """Return its end, with every frame that it delivered."""
        return Finish(
            attempt_id=self.attempt_id,
            outcome=outcome,
            delivered=tuple(result for _, result in sorted(self.delivered.items())),
            failure=failure,
            detail=detail,
            seconds=self.seconds(now),
        )

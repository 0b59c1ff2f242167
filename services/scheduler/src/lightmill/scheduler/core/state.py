"""Everything that the scheduler knows, and what of it has changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from lightmill.domain.policy import Policy
from lightmill.scheduler.core.changes import Changes, Transition
from lightmill.scheduler.core.demand import Demand
from lightmill.scheduler.core.facts import NodeAsked
from lightmill.scheduler.core.fleet import Fleet
from lightmill.scheduler.core.limits import Limits
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.outlook import Outlook, Round
from lightmill.scheduler.core.queue import Queue
from lightmill.scheduler.core.shares import Shares
from lightmill.scheduler.core.work import Attempt, Job

OFFLINE_AFTER = 10
"""Beats without a report after which a node counts as away."""

MISSING_AFTER = 2
"""Beats after which an order that no report lists counts as lost."""

SHORTEST_LEASE = 4
"""In beats; a lease is a tenth of the attempt's running time, and at least this."""

LONGEST_LEASE = 600.0
"""In seconds."""

_WHY_LENGTH = 1000
"""Of a line of the history, in characters; the rows of attempts and jobs have the rest."""


@dataclass(slots=True, kw_only=True)
class FarmState:
    """The farm in memory.

    Attributes:
        beat: Seconds between two ticks.
        new_id: Makes the ids of tasks and attempts.
        now: The time of the fact or plan being worked on.
        tick: Beats that have passed since this leader took over.
        progressed: Jobs whose running frames have moved since the last beat.
        wishes: What persons want of nodes, by node.
        demands: What a task asks, by step; left out until it is next needed.
        stirred: Jobs of which something has changed since the queue was last brought up to date.
        dependents: By job, those that wait for its end.
        blocked: By demand, the tick since which what goes first of it finds no room.
        reserved: By demand, the machines that are kept for it.
        restless: Whether a beat has passed since the last plan.
        told: By job, the outlook that was told last.
        round: Which jobs' outlooks are looked at next.
        appraised: Version of the queue by which the machines were last appraised.
    """

    beat: float
    new_id: Callable[[], str]
    now: datetime
    tick: int = 0
    jobs: dict[str, Job] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    progressed: set[str] = field(default_factory=set)
    wishes: dict[str, NodeAsked] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    fleet: Fleet = field(default_factory=Fleet)
    queue: Queue = field(default_factory=Queue)
    shares: Shares = field(init=False)
    limits: Limits = field(default_factory=Limits)
    demands: dict[str, Demand] = field(default_factory=dict)
    stirred: dict[str, Job] = field(default_factory=dict)
    dependents: dict[str, set[str]] = field(default_factory=dict)
    blocked: dict[Demand, int] = field(default_factory=dict)
    reserved: dict[Demand, list[Node]] = field(default_factory=dict)
    restless: bool = False
    appraised: int = -1
    told: dict[str, Outlook] = field(default_factory=dict)
    round: Round = field(default_factory=Round)
    changes: Changes = field(default_factory=Changes)
    _sent_ahead: list[Attempt] = field(default_factory=list)

    def lease(self, attempt: Attempt) -> int:
        """Return how many ticks `attempt` may stay unreported."""
        seconds = attempt.running_seconds / 10
        if seconds <= SHORTEST_LEASE * self.beat or self.beat * SHORTEST_LEASE >= LONGEST_LEASE:
            return SHORTEST_LEASE
        return round(min(seconds, LONGEST_LEASE) / self.beat)

    def touch(self, job: Job) -> None:
        """Have `job` written as it stands and its listeners told, and its place looked at."""
        self.changes.jobs[job.id] = self.stirred[job.id] = job

    def __post_init__(self) -> None:
        self.shares = Shares(self.fleet.total)

    @property
    def seconds(self) -> float:
        """Return the seconds since this leader took over, in its own ticks."""
        return self.tick * self.beat

    def occupy(self, node: Node, attempt: Attempt) -> None:
        """Let `attempt` be held by `node`, or wait there, and count what it takes."""
        if attempt.ahead:
            node.ahead[attempt.id] = attempt
            self._sent_ahead.append(attempt)
        else:
            node.hold(attempt)
        self.shares.add(attempt, 1)
        self.limits.count(attempt, 1)
        self.fleet.fill(node)

    def vacate(self, node: Node, attempt: Attempt) -> None:
        """Free what `attempt` took: the node is known not to hold it any more.

        Whoever calls this has the fleet look at the node afterwards.
        """
        if node.release(attempt.id):
            self.shares.add(attempt, -1)
            self.limits.count(attempt, -1)

    def adopt(self, attempt: Attempt) -> None:
        """Take in an attempt of an earlier leader, which its node is taken to hold."""
        self.nodes[attempt.node_id].take_over(attempt)
        if attempt.ahead:
            self._sent_ahead.append(attempt)
        self.shares.add(attempt, 1)
        self.limits.count(attempt, 1)

    @property
    def attempts(self) -> Iterator[Attempt]:
        """Yield every attempt that a node holds as far as is known."""
        for node in self.nodes.values():
            yield from node.held.values()
            yield from node.ahead.values()

    @property
    def waiting_ahead(self) -> list[Attempt]:
        """Return the attempts that wait on nodes behind running work, those sent first first."""
        self._sent_ahead = [attempt for attempt in self._sent_ahead if attempt.ahead]
        return self._sent_ahead

    def note(
        self, job: Job, entity: str, entity_id: str, change: tuple[str | None, str, str]
    ) -> None:
        """Add (was, became, why) of something of `job` to the history."""
        was, became, why = change
        self.changes.transitions.append(
            Transition(
                tenant_id=job.tenant_id,
                job_id=job.id,
                entity=entity,
                entity_id=entity_id,
                was=was,
                became=became,
                why=why[:_WHY_LENGTH],
            )
        )

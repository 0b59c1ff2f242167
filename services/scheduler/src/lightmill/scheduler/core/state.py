"""Everything that the scheduler knows, and what of it has changed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from lightmill.scheduler.core.changes import Changes, Transition
from lightmill.scheduler.core.machine import Node
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
        attempts: By id: every attempt that a node holds as far as is known.
        progressed: Jobs whose running frames have moved since the last beat.
    """

    beat: float
    new_id: Callable[[], str]
    now: datetime
    tick: int = 0
    jobs: dict[str, Job] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    progressed: set[str] = field(default_factory=set)
    changes: Changes = field(default_factory=Changes)

    def lease(self, attempt: Attempt) -> int:
        """Return the tick until which `attempt` may stay unreported from now on."""
        seconds = min(attempt.running_seconds / 10, LONGEST_LEASE)
        return self.tick + max(SHORTEST_LEASE, round(seconds / self.beat))

    def touch(self, job: Job, *, tell: bool = True) -> None:
        """Have `job` written as it stands, and its listeners told."""
        self.changes.jobs[job.id] = job
        if tell:
            self.changes.jobs_told.add(job.id)

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

"""How far a node is trusted: what failed on it of late, and what follows from that."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from lightmill.domain.failures import FailureKind

BARRED_AFTER = 3
"""Failures of one job on one node after which the node gets nothing more of that job."""

QUARANTINED_AFTER = 3
"""Jobs in a row that fail on one node and succeed on others, after which it gets no work."""

FIRST_QUARANTINE = timedelta(minutes=10)
LONGEST_QUARANTINE = timedelta(hours=4)

BLAMELESS = frozenset(
    {
        FailureKind.MISSING_FILE,
        FailureKind.LICENCE,
        FailureKind.CANCELLED,
        FailureKind.OUT_OF_MEMORY,
    }
)
"""Failures that tell nothing about the machine."""

_MOST_JOBS = 100
_MOST_QUARANTINES = 10


class Tried(Protocol):
    """A job, as far as it tells about a machine."""

    @property
    def id(self) -> str:
        """Return its id."""
        ...

    @property
    def succeeded(self) -> int:
        """Return the number of frames that have a result."""
        ...


@dataclass(frozen=True, slots=True)
class Past:
    """A job that has left the farm."""

    id: str
    succeeded: int


@dataclass(slots=True)
class Record:
    """Failures on one node of late.

    Attributes:
        failures: By job, how often it failed here since it last succeeded here.
        in_a_row: Jobs that failed here since anything succeeded here.
        quarantines: How often in a row the node was taken out.
    """

    failures: dict[str, int] = field(default_factory=dict)
    in_a_row: dict[str, Tried] = field(default_factory=dict)
    quarantines: int = 0

    def succeed(self, job: Tried) -> bool:
        """Note a success: the machine works, so whatever failed in a row is over.

        Returns:
            Whether that changes anything.
        """
        if not (self.in_a_row or self.quarantines or self.failures):
            return False
        news = bool(self.in_a_row or self.quarantines or job.id in self.failures)
        self.failures.pop(job.id, None)
        self.in_a_row.clear()
        self.quarantines = 0
        return news

    def fail(self, job: Tried, kind: FailureKind) -> bool:
        """Note a failure; return whether the node is to be quarantined for it.

        Only jobs of which something has succeeded count: one that fails wherever it goes says
        nothing about a machine, and three such jobs must not take the farm down.
        """
        if kind in BLAMELESS:
            return False
        self.failures[job.id] = self.failures.get(job.id, 0) + 1
        if len(self.failures) > _MOST_JOBS:
            del self.failures[next(iter(self.failures))]
        self.in_a_row[job.id] = job
        return sum(1 for job in self.in_a_row.values() if job.succeeded) >= QUARANTINED_AFTER

    def bars(self, job_id: str) -> bool:
        """Tell whether this job failed here too often."""
        return self.failures.get(job_id, 0) >= BARRED_AFTER

    def quarantine(self) -> timedelta:
        """Return for how long the node is taken out: each time in a row twice as long."""
        length = min(FIRST_QUARANTINE * (1 << self.quarantines), LONGEST_QUARANTINE)
        self.quarantines = min(self.quarantines + 1, _MOST_QUARANTINES)
        self.in_a_row.clear()
        return length

    def forgive(self) -> None:
        """Forget everything: a person has looked at the machine."""
        self.failures.clear()
        self.in_a_row.clear()
        self.quarantines = 0

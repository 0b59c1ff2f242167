"""What the scheduler needs from the outside."""

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.facts import JobAsked, NodeAsked, PolicyChanged
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.work import Job


class NotLeaderError(Exception):
    """Another scheduler leads now, or what was committed is not known; start afresh."""


class RefusedError(NotLeaderError):
    """The database will never take what was to be committed; `Trials` find whose fault it is."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the database holds of the living farm; `ceilings` by limit."""

    jobs: Sequence[Job]
    nodes: Sequence[Node]
    ceilings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedAttempt:
    """An attempt that is over; `owns_results` when a frame of the job is one of its images."""

    id: str
    tenant_id: str
    job_id: str
    owns_results: bool


class EndedAttempts(Protocol):
    """Attempts that are over, until their files have been looked at."""

    async def unswept(self, before: datetime, most: int) -> list[EndedAttempt]:
        """Return some that ended before that moment, oldest first, none of them marked."""
        ...

    async def mark(self, attempt_ids: Iterable[str], now: datetime) -> None:
        """Note that these have been looked at.

        Raises:
            NotLeaderError: the epoch has passed.
        """
        ...


class Ledger(Protocol):
    """The database, as the one leader of an epoch writes it."""

    async def snapshot(self) -> Snapshot:
        """Return every job that lives and every node that is known."""
        ...

    async def ended_jobs(self, job_ids: Iterable[str]) -> list[Job]:
        """Return those of these jobs that have rows and have ended."""
        ...

    async def asked(self, job_ids: Iterable[str]) -> list[JobAsked]:
        """Return what is wanted of these jobs, oldest first."""
        ...

    async def decided(self) -> Sequence[PolicyChanged | NodeAsked]:
        """Return what the keeper of the farm has decided: its policy, then about its nodes."""
        ...

    async def unapplied(self, since: datetime | None) -> list[str]:
        """Return the ids of jobs of which something is wanted that is not applied.

        Args:
            since: Leaves out what was asked before; None looks at everything.
        """
        ...

    def commit(self, changes: Changes, now: datetime) -> Awaitable[None]:
        """Take what is to be written at once; what is returned writes it in one transaction.

        What `changes` refer to may change meanwhile: the next turn begins before this one is
        committed.

        Raises, when awaited:
            RefusedError: a value can never be written; nothing was.
            NotLeaderError: the epoch has passed, a row was not as expected, or the outcome of
                the commit is unknown.
        """
        ...


class Trials(Protocol):
    """Tells what the database would say, and ends the jobs that it refuses."""

    async def refusal(self, changes: Changes, now: datetime) -> str | None:
        """Return why the database refuses `changes`, or None; nothing of them is kept.

        Raises:
            NotLeaderError: as `Ledger.commit`.
        """
        ...

    async def fail(self, reasons: Mapping[str, str], now: datetime) -> None:
        """Commit that these jobs have FAILED for the reason beside their id.

        Raises:
            NotLeaderError: the epoch has passed.
        """
        ...

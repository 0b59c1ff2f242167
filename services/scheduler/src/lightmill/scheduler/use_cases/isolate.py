"""Which job's changes the database refuses: it fails alone, and the farm goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.part import jobs_of, part
from lightmill.scheduler.ports import Trials


@dataclass(slots=True)
class Suspects:
    """The jobs of which something was refused once; outlives the terms of a leader."""

    jobs: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Isolate:
    """Finds who is at fault when a commit was refused.

    A job is failed when it was refused by itself in two terms: between them memory was rebuilt
    from the database, so that the fault lies in what stands there, or comes again by itself.
    """

    trials: Trials
    suspects: Suspects

    async def __call__(self, changes: Changes, now: datetime) -> Mapping[str, str]:
        """Return the reasons by job of those that were failed; memory is to be rebuilt.

        Raises:
            NotLeaderError: the epoch has passed, or the database is away.
        """
        refused = await self._refused(changes, jobs_of(changes), now)
        again = {job_id: why for job_id, why in refused.items() if job_id in self.suspects.jobs}
        self.suspects.jobs.update(refused)
        for job_id, why in again.items():
            await self.trials.fail({job_id: why}, now)
            self.suspects.jobs.discard(job_id)
        return again

    async def _refused(
        self, changes: Changes, jobs: Sequence[str], now: datetime
    ) -> dict[str, str]:
        """Return the jobs that are refused each by itself, found by halving, with the reasons."""
        why = await self.trials.refusal(part(changes, jobs), now) if jobs else None
        if why is None:
            return {}
        if len(jobs) == 1:
            return {jobs[0]: why}
        half = len(jobs) // 2
        first = await self._refused(changes, jobs[:half], now)
        return first | await self._refused(changes, jobs[half:], now)

"""Hand in a sweep."""

from lightmill.api.core.sweep_request import SweepBody, counted, job_of, preview
from lightmill.api.ports import Jobs
from lightmill.domain.principal import Principal


class SubmitSweep:
    """Accepts sweeps: one row and one message, however many sub-tasks.

    Args:
        jobs: Where they are kept.
        most: Sub-tasks that a sweep may have; each of them costs money.
    """

    def __init__(self, jobs: Jobs, most: int) -> None:
        self._jobs = jobs
        self._most = most

    async def __call__(self, principal: Principal, body: SweepBody, job_id: str) -> str:
        """Return the id of the job that the sweep makes.

        Raises:
            ProblemError: it has too many sub-tasks, or too long lists.
        """
        job = job_of(body, counted(body, self._most), principal.user_id)
        return await self._jobs.add(principal, job_id, job, None)

    def preview(self, body: SweepBody) -> dict[str, object]:
        """Return what the sweep would be; nothing is made.

        Raises:
            ProblemError: as the call itself.
        """
        sweep = counted(body, self._most)
        return preview(body, sweep)

"""Cancel, pause, resume, approve, retry, clean up or reprioritise a job."""

from lightmill.api.core.job_view import Standing
from lightmill.api.core.problem import ProblemError, missing
from lightmill.api.ports import Jobs, JobSpecs, JobStandings, Wish
from lightmill.domain.principal import Principal, Role
from lightmill.domain.states import JobState


class ChangeJob:
    """Writes what is wanted of a job; the scheduler does it.

    An artist changes jobs of their own, an admin those of the whole tenant.
    """

    def __init__(self, jobs: Jobs, standings: JobStandings, specs: JobSpecs) -> None:
        self._jobs = jobs
        self._standings = standings
        self._specs = specs

    async def __call__(self, principal: Principal, job_id: str, wish: Wish) -> Standing:
        """Return where the job stood when the wish was written; repeating it changes nothing.

        Raises:
            ProblemError: there is no such job, it is somebody else's, or its state forbids it.
        """
        standing = await self._mine(principal, job_id)
        if wish is Wish.RETRY and standing.state is not JobState.FAILED:
            raise ProblemError(409, "not-failed", f"the job is {standing.shown}, not FAILED")
        if wish is Wish.CLEANUP and not standing.finished:
            detail = f"the job is {standing.shown}: cancel it, or wait until it has ended"
            raise ProblemError(409, "still-running", detail)
        if wish is Wish.APPROVE and not await self._asks_a_person(principal, job_id):
            detail = "no step of the job waits for a person; hand it in with approval"
            raise ProblemError(409, "nothing-to-approve", detail)
        await self._jobs.wish(principal, job_id, wish)
        return standing

    async def _asks_a_person(self, principal: Principal, job_id: str) -> bool:
        spec = await self._specs.spec(principal.tenant_id, job_id)
        return spec is not None and any(step.approval for step in spec.steps)

    async def prioritise(
        self, principal: Principal, job_id: str, priority: int, version: int | None
    ) -> int:
        """Return the job's new version.

        Raises:
            ProblemError: there is no such job, it is somebody else's, or it has changed since
                `version`.
        """
        await self._mine(principal, job_id)
        changed = await self._jobs.prioritise(principal, job_id, priority, version)
        if changed is None:
            detail = "somebody has changed the job since you read it: read it again"
            raise ProblemError(412, "changed-meanwhile", detail)
        return changed

    async def _mine(self, principal: Principal, job_id: str) -> Standing:
        standing = await self._standings.fresh(principal.tenant_id, job_id)
        if standing is None:
            raise missing("job")
        if principal.role is not Role.ADMIN and standing.owner_id != principal.user_id:
            raise ProblemError(403, "not-yours", "the job is somebody else's; ask an admin")
        return standing

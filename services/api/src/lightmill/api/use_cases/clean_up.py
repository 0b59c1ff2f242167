"""Free the workspaces of a job on every node."""

import asyncio

from lightmill.api.ports import Freed, FreedWorkspaces, Wish
from lightmill.api.use_cases.change_job import ChangeJob
from lightmill.domain.principal import Principal

_LOOK_S = 0.1


class CleanUp:
    """Asks for it, and waits a little for the nodes to tell; the results stay."""

    def __init__(self, change_job: ChangeJob, workspaces: FreedWorkspaces, seconds: float) -> None:
        self._change_job = change_job
        self._workspaces = workspaces
        self._patience = seconds

    async def __call__(self, principal: Principal, job_id: str) -> Freed:
        """Return what has been freed so far; asked again, what was freed in the end.

        Raises:
            ProblemError: there is no such job, it is somebody else's, or it has not ended.
        """
        await self._change_job(principal, job_id, Wish.CLEANUP)
        waited = 0.0
        while True:
            freed = await self._workspaces.freed(principal.tenant_id, job_id)
            if freed.complete or waited >= self._patience:
                return freed
            await asyncio.sleep(_LOOK_S)
            waited += _LOOK_S

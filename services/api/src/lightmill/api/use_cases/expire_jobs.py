"""Delete what jobs of a tenant that are long over have left."""

from datetime import datetime, timedelta

from lightmill.api.core.retention import Collected, Kind, Retention
from lightmill.api.ports import Jobs, Wish
from lightmill.api.ports.retention import EndedJobs
from lightmill.domain.principal import Principal
from lightmill.storage.ports import ListedObject, ObjectStore

_BATCH = 200


class ExpireJobs:
    """Images, other files of attempts, and workspaces on nodes, each after its own age."""

    def __init__(self, ended: EndedJobs, jobs: Jobs, store: ObjectStore) -> None:
        self._ended = ended
        self._jobs = jobs
        self._store = store

    async def __call__(
        self, principal: Principal, now: datetime, retention: Retention, report: Collected
    ) -> None:
        """Delete what is due, or only count it, into `report`."""
        ages = {
            Kind.RESULTS: retention.results,
            Kind.INTERMEDIATES: retention.intermediates,
            Kind.WORKSPACES: retention.workspaces,
        }
        for kind, days in ages.items():
            if days is not None:
                await self._all(principal, kind, now - timedelta(days=days), report)

    async def _all(
        self, principal: Principal, kind: Kind, before: datetime, report: Collected
    ) -> None:
        tenant_id, after = principal.tenant_id, ""
        while jobs := await self._ended.due(tenant_id, kind, before, after, _BATCH):
            for job_id in jobs:
                await self._one(principal, kind, job_id, report)
            after = jobs[-1]

    async def _one(self, principal: Principal, kind: Kind, job_id: str, report: Collected) -> None:
        """Delete one kind of thing of one job."""
        tenant_id = principal.tenant_id
        if kind is Kind.WORKSPACES:
            objects, size = 1, 0  # the nodes tell what they have freed
            if not report.dry_run:
                await self._jobs.wish(principal, job_id, Wish.CLEANUP)
        else:
            found = await self._objects(tenant_id, job_id, kind)
            objects, size = len(found), sum(one.size for one in found)
            if found and not report.dry_run:
                await self._store.delete([one.key for one in found])
        report.add(kind, objects, size)
        if not report.dry_run:
            await self._ended.expired(tenant_id, job_id, kind, objects, size)

    async def _objects(self, tenant_id: str, job_id: str, kind: Kind) -> list[ListedObject]:
        images = await self._ended.result_keys(tenant_id, job_id)
        prefix = f"tenants/{tenant_id}/jobs/{job_id}/"
        wanted = kind is Kind.RESULTS
        return [
            found async for found in self._store.listed(prefix) if (found.key in images) is wanted
        ]

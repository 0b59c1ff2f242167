"""Delete what nobody needs any more, tenant by tenant."""

import asyncio
from datetime import timedelta

import structlog

from lightmill.api.core.problem import invalid
from lightmill.api.core.retention import STRAY_AGE, Collected, Kind, Retention
from lightmill.api.ports.retention import Retentions
from lightmill.api.use_cases.collect_files import CollectFiles
from lightmill.api.use_cases.expire_jobs import ExpireJobs
from lightmill.domain.principal import Principal, Role
from lightmill.domain.storage_class import StorageClass
from lightmill.runtime.clock import Clock
from lightmill.storage.ports import ObjectStore

_LOG = structlog.get_logger(__name__)
_ITSELF = "collector"
"""Who is named in the audit log when nobody has asked for it."""


class CollectGarbage:
    """Collects for one tenant, or for all; several processes may do so at once."""

    def __init__(
        self,
        retentions: Retentions,
        files: CollectFiles,
        jobs: ExpireJobs,
        store: ObjectStore,
        clock: Clock,
    ) -> None:
        self._retentions = retentions
        self._files = files
        self._jobs = jobs
        self._store = store
        self._clock = clock

    async def __call__(self, principal: Principal, *, dry_run: bool) -> Collected:
        """Return what of the tenant's was deleted, or would be."""
        report = Collected(dry_run=dry_run)
        await self._tenant(principal, report)
        return report

    async def everywhere(self, *, dry_run: bool) -> Collected:
        """Return what was deleted, or would be, of all tenants, and of what died half-written."""
        report = Collected(dry_run=dry_run)
        for tenant_id in await self._retentions.tenants():
            principal = Principal(
                tenant_id=tenant_id, user_id=_ITSELF, role=Role.ADMIN, token_id=_ITSELF
            )
            await self._tenant(principal, report)
        if not dry_run:
            report.add(Kind.STRAYS, 0, await self._store.tidy(self._clock.now() - STRAY_AGE))
        return report

    async def forever(self, every: float) -> None:
        """Collect now and then, until cancelled."""
        while True:
            await asyncio.sleep(every)
            try:
                report = await self.everywhere(dry_run=False)
            except Exception:  # noqa: BLE001  # a part is away: the next time will do
                _LOG.exception("what nobody needs stays for now")
            else:
                _LOG.info("collected", **report.document())

    async def retention(self, principal: Principal) -> Retention:
        """Return how long the tenant keeps things."""
        return await self._retentions.of(principal.tenant_id)

    async def keep(self, principal: Principal, retention: Retention) -> None:
        """Say how long the tenant keeps things, and in which storage.

        Raises:
            ProblemError: the store has no such storage class.
        """
        for name in ("results_class", "intermediates_class"):
            wanted: StorageClass | None = getattr(retention, name)
            if wanted is not None and not await self._store.offers(wanted):
                raise invalid(name, await self._offer())
        await self._retentions.put(principal, retention)

    async def _offer(self) -> str:
        offered = [name.value for name in StorageClass if await self._store.offers(name)]
        if offered:
            return f"this farm's object store does not have it; use one of {', '.join(offered)}"
        return "this farm's object store has no storage classes; leave it out"

    async def _tenant(self, principal: Principal, report: Collected) -> None:
        retention, now = await self._retentions.of(principal.tenant_id), self._clock.now()
        days = retention.orphans
        orphans = None if days is None else timedelta(days=days)
        await self._files(principal.tenant_id, now, orphans, report)
        await self._jobs(principal, now, retention, report)

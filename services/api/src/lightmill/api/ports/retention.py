"""What the api needs to know what may go."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from lightmill.api.core.retention import Kind, Retention
from lightmill.api.ports.files import Asset
from lightmill.domain.principal import Principal


class Retentions(Protocol):
    """Where it is kept how long tenants keep things, and in which storage."""

    async def tenants(self) -> Sequence[str]:
        """Return the ids of all tenants."""
        ...

    async def of(self, tenant_id: str) -> Retention:
        """Return what the tenant has said; what is usual when it has said nothing."""
        ...

    async def put(self, principal: Principal, retention: Retention) -> None:
        """Keep what the tenant has said."""
        ...


class UnneededAssets(Protocol):
    """Where it is read what of a tenant's files nothing needs."""

    async def held(self, tenant_id: str, since: datetime) -> set[int]:
        """Return the assets that a design needs, a job that is not over, or was not at `since`."""
        ...

    async def untouched(
        self, tenant_id: str, before: datetime, after: int, limit: int
    ) -> Sequence[Asset]:
        """Return assets behind the id `after`, by id, that nobody has asked for since `before`."""
        ...

    async def drop(
        self, tenant_id: str, assets: Sequence[Asset], before: datetime
    ) -> Sequence[Asset]:
        """Forget these, but for those that were asked for since; return what was forgotten."""
        ...

    async def known_keys(self, tenant_id: str, keys: Sequence[str]) -> Collection[str]:
        """Return those object names that an asset or an upload under way has."""
        ...


class EndedJobs(Protocol):
    """Where it is read what jobs that are over have left."""

    async def due(
        self, tenant_id: str, kind: Kind, before: datetime, after: str, limit: int
    ) -> Sequence[str]:
        """Return jobs behind the id `after` that ended before then and of which this is left."""
        ...

    async def result_keys(self, tenant_id: str, job_id: str) -> set[str]:
        """Return the object names of the job's images and their thumbnails."""
        ...

    async def expired(
        self, tenant_id: str, job_id: str, kind: Kind, objects: int, size: int
    ) -> None:
        """Write down that this of the job is gone."""
        ...

"""How long things are kept, and what may go, in SQL."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, or_, select
from typing_extensions import override

from lightmill.api.adapters.assets import asset_of
from lightmill.api.adapters.audit import record
from lightmill.api.core.retention import Kind, Retention
from lightmill.api.ports.files import Asset
from lightmill.api.ports.retention import EndedJobs, Retentions, UnneededAssets
from lightmill.domain.principal import Principal
from lightmill.domain.states import JobState
from lightmill.domain.storage_class import StorageClass
from lightmill.runtime.clock import Clock
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import (
    ANALYSIS_REQUESTS,
    ASSETS,
    BUNDLES,
    DESIGN_VERSIONS,
    EXPIRIES,
    JOBS,
    MATERIALS,
    MULTIPART_UPLOADS,
    RETENTION,
    TENANTS,
    TEXTURES,
)
from lightmill.storage.sql.schema.scheduler import JOB_STATES, RESULTS

_OVER = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)
_BATCH = 500
_TOUCHED = func.coalesce(ASSETS.c.touched_at, ASSETS.c.created_at)


class SqlRetentions(Retentions):
    """The table `retention`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @override
    async def tenants(self) -> Sequence[str]:
        async with self._database.reading() as connection:
            return list((await connection.execute(select(TENANTS.c.id))).scalars())

    @override
    async def of(self, tenant_id: str) -> Retention:
        query = select(RETENTION).where(RETENTION.c.tenant_id == tenant_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return Retention()
        return Retention(
            results=row.results_days,
            intermediates=row.intermediates_days,
            workspaces=row.workspaces_days,
            orphans=row.orphans_days,
            results_class=_class(row.results_class),
            intermediates_class=_class(row.intermediates_class),
        )

    @override
    async def put(self, principal: Principal, retention: Retention) -> None:
        tenant_id, now = principal.tenant_id, self._clock.now()
        said = {_column(name): value for name, value in asdict(retention).items()}
        async with self._database.transaction() as connection:
            await connection.execute(delete(RETENTION).where(RETENTION.c.tenant_id == tenant_id))
            row = insert(RETENTION).values(tenant_id=tenant_id, updated_at=now, **said)
            await connection.execute(row)
            details: dict[str, object] = dict(said)
            await record(connection, principal, "retention.change", tenant_id, now, details)


def _column(name: str) -> str:
    return name if name.endswith("_class") else f"{name}_days"


def _class(name: str | None) -> StorageClass | None:
    return None if name is None else StorageClass(name)


class SqlUnneededAssets(UnneededAssets):
    """The table `assets`, and the manifests that refer to it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @override
    async def held(self, tenant_id: str, since: datetime) -> set[int]:
        return {
            int(entry["asset_id"])
            for query in _holders(tenant_id, since)
            async for manifest in self._manifests(query)
            for entry in manifest
        }

    async def _manifests(self, query: Select[Any]) -> AsyncIterator[list[dict[str, Any]]]:
        async with self._database.reading() as connection, connection.stream(query) as rows:
            async for row in rows:
                yield row[0]

    @override
    async def untouched(
        self, tenant_id: str, before: datetime, after: int, limit: int
    ) -> Sequence[Asset]:
        query = (
            select(ASSETS)
            .where(ASSETS.c.tenant_id == tenant_id, ASSETS.c.id > after, before > _TOUCHED)
            .order_by(ASSETS.c.id)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return [asset_of(row) for row in (await connection.execute(query)).all()]

    @override
    async def drop(
        self, tenant_id: str, assets: Sequence[Asset], before: datetime
    ) -> Sequence[Asset]:
        ids = [asset.id for asset in assets]
        mine = (ASSETS.c.tenant_id == tenant_id, ASSETS.c.id.in_(ids), before > _TOUCHED)
        async with self._database.transaction() as connection:
            # Locked while they are looked at: who touches one waits, and finds it gone.
            rows = (await connection.execute(select(ASSETS).where(*mine).with_for_update())).all()
            gone = [asset_of(row) for row in rows]
            chosen = ASSETS.c.id.in_([asset.id for asset in gone])
            await connection.execute(delete(ASSETS).where(chosen))
        return gone

    @override
    async def known_keys(self, tenant_id: str, keys: Sequence[str]) -> Collection[str]:
        known: set[str] = set()
        async with self._database.reading() as connection:
            for start in range(0, len(keys), _BATCH):
                some = keys[start : start + _BATCH]
                for table in (ASSETS, MULTIPART_UPLOADS):
                    query = select(table.c.object_key).where(
                        table.c.tenant_id == tenant_id, table.c.object_key.in_(some)
                    )
                    known.update((await connection.execute(query)).scalars())
        return known


def _holders(tenant_id: str, since: datetime) -> Sequence[Select[Any]]:
    """Return queries for the manifests that hold assets."""
    live = or_(
        JOB_STATES.c.state.is_(None),
        JOB_STATES.c.state.not_in(_OVER),
        JOB_STATES.c.finished_at >= since,
        JOBS.c.updated_at >= since,
    )
    jobs = select(JOBS.c.id).outerjoin(JOB_STATES, JOB_STATES.c.job_id == JOBS.c.id)
    needed = jobs.where(JOBS.c.tenant_id == tenant_id, JOBS.c.bundle_id == BUNDLES.c.id, live)
    return (
        *(
            select(table.c.manifest).where(table.c.tenant_id == tenant_id)
            for table in (DESIGN_VERSIONS, MATERIALS, TEXTURES)
        ),
        select(BUNDLES.c.manifest).where(
            BUNDLES.c.tenant_id == tenant_id,
            or_(BUNDLES.c.created_at >= since, needed.exists()),
        ),
        select(ANALYSIS_REQUESTS.c.manifest).where(
            ANALYSIS_REQUESTS.c.tenant_id == tenant_id, ANALYSIS_REQUESTS.c.created_at >= since
        ),
    )


def _unshown(tenant_id: str) -> ColumnElement[bool]:
    """Return the condition that no design shows the job's image as its thumbnail."""
    shown = select(DESIGN_VERSIONS.c.id).where(
        DESIGN_VERSIONS.c.tenant_id == tenant_id,
        DESIGN_VERSIONS.c.thumbnail_job == JOB_STATES.c.job_id,
    )
    return ~shown.exists()


class SqlEndedJobs(EndedJobs):
    """The tables `job_states`, `results` and `expiries`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @override
    async def due(
        self, tenant_id: str, kind: Kind, before: datetime, after: str, limit: int
    ) -> Sequence[str]:
        done = and_(EXPIRIES.c.job_id == JOB_STATES.c.job_id, EXPIRIES.c.kind == kind)
        query = (
            select(JOB_STATES.c.job_id)
            .outerjoin(EXPIRIES, done)
            .where(
                JOB_STATES.c.tenant_id == tenant_id,
                JOB_STATES.c.state.in_(_OVER),
                JOB_STATES.c.finished_at < before,
                JOB_STATES.c.job_id > after,
                *([_unshown(tenant_id)] if kind is Kind.RESULTS else []),
                # A job that was retried since has something to lose again.
                or_(EXPIRIES.c.at.is_(None), EXPIRIES.c.at < JOB_STATES.c.finished_at),
            )
            .order_by(JOB_STATES.c.job_id)
            .limit(limit)
        )
        return await self._column(query)

    @override
    async def result_keys(self, tenant_id: str, job_id: str) -> set[str]:
        mine = (RESULTS.c.tenant_id == tenant_id, RESULTS.c.job_id == job_id)
        keys: set[str] = set()
        for column in (RESULTS.c.object_key, RESULTS.c.thumbnail_key):
            there: ColumnElement[bool] = column.is_not(None)
            keys.update(await self._column(select(column).where(*mine, there)))
        return keys

    async def _column(self, query: Select[Any]) -> list[str]:
        async with self._database.reading() as connection:
            return list((await connection.execute(query)).scalars())

    @override
    async def expired(
        self, tenant_id: str, job_id: str, kind: Kind, objects: int, size: int
    ) -> None:
        values = {"objects": objects, "bytes": size, "at": self._clock.now()}
        mine = (EXPIRIES.c.job_id == job_id, EXPIRIES.c.kind == kind)
        row = insert(EXPIRIES).values(job_id=job_id, kind=kind, tenant_id=tenant_id, **values)
        async with self._database.transaction() as connection:
            await connection.execute(delete(EXPIRIES).where(*mine))
            await connection.execute(row)

"""What is asked of jobs, in SQL: one row a job, whatever its length."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Update, and_, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from lightmill.api.adapters.audit import ENTRY, entry, record
from lightmill.api.adapters.fingerprints import remember
from lightmill.api.core.job_request import NewJob
from lightmill.api.ports import Fingerprint, Jobs, Wish
from lightmill.domain.job import JobSpec, Wanted
from lightmill.domain.principal import Principal
from lightmill.messages.job_wanted import JobWanted
from lightmill.runtime.clock import Clock
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.outbox import Letters, Publish, put_together
from lightmill.storage.sql.parcel import Parcel
from lightmill.storage.sql.schema.api import JOBS, OUTBOX
from lightmill.storage.sql.schema.scheduler import JOB_STATES
from lightmill.storage.sql.script import Script

Leaving = Callable[[Sequence[Parcel]], None]
_SPEC = TypeAdapter(JobSpec)
_NEW = insert(JOBS)
_APPLIED = (
    select(JOB_STATES.c.applied_cleanups).where(JOB_STATES.c.job_id == JOBS.c.id).scalar_subquery()
)
_CHANGES: Mapping[Wish, tuple[ColumnElement[bool], Mapping[str, Any]]] = {
    Wish.CANCEL: (JOBS.c.wanted != Wanted.CANCEL, {"wanted": Wanted.CANCEL}),
    Wish.PAUSE: (JOBS.c.paused.is_(False), {"paused": True}),
    Wish.RESUME: (JOBS.c.paused.is_(True), {"paused": False}),
    Wish.APPROVE: (JOBS.c.approved.is_(False), {"approved": True}),
    # Only what has FAILED is retried: a cancel that came too late for it is no longer wanted.
    Wish.RETRY: (
        JOBS.c.id.is_not(None),
        {"retries_wanted": JOBS.c.retries_wanted + 1, "wanted": Wanted.RUN},
    ),
    # Asked once is enough until the scheduler has taken it up.
    Wish.CLEANUP: (
        JOBS.c.cleanups_wanted == _APPLIED,
        {"cleanups_wanted": JOBS.c.cleanups_wanted + 1},
    ),
}
"""When a wish changes the row, and what it changes."""


class SqlJobs(Jobs):
    """The table `jobs` and the doorbell in `api_outbox`.

    Args:
        leaving: Given what a commit has left in the outbox.
    """

    def __init__(self, database: Database, clock: Clock, leaving: Leaving) -> None:
        self._database = database
        self._clock = clock
        self._leaving = leaving

    @override
    async def add(
        self, principal: Principal, job_id: str, job: NewJob, fingerprint: Fingerprint | None
    ) -> str:
        try:
            async with self._database.transaction() as connection:
                known, left = await self._add(connection, principal, job_id, job, fingerprint)
        except IntegrityError:
            # Another request was first: with the same fingerprint, or with this reserved id.
            return await self._first(principal, job_id, fingerprint)
        self._leaving(left)
        return known

    async def _add(
        self,
        connection: AsyncConnection,
        principal: Principal,
        job_id: str,
        job: NewJob,
        fingerprint: Fingerprint | None,
    ) -> tuple[str, Sequence[Parcel]]:
        now = self._clock.now()
        if fingerprint is not None:
            known = await remember(connection, principal, fingerprint, job_id, now)
            if known != job_id:
                return known, ()
        row = {
            "id": job_id,
            "tenant_id": principal.tenant_id,
            "owner_id": principal.user_id,
            **_columns(job),
            "created_at": now,
            "updated_at": now,
        }
        details = {"name": job.name, "frames": job.spec.frame_count}
        doorbell = Publish(JobWanted(job_id=job_id, version=1))
        letters = Letters.of(connection.dialect.name, OUTBOX, [doorbell], now)
        script = Script()  # one round trip: whoever submits waits for it
        script.add(_NEW, row)
        script.add(ENTRY, entry(principal, "job.create", job_id, now, details))
        letters.add_to(script)
        return job_id, letters.parcels(await script.run(connection))

    async def _first(
        self, principal: Principal, job_id: str, fingerprint: Fingerprint | None
    ) -> str:
        async with self._database.transaction() as connection:
            query = select(JOBS.c.id).where(
                JOBS.c.id == job_id, JOBS.c.tenant_id == principal.tenant_id
            )
            if (await connection.execute(query)).scalar() is not None or fingerprint is None:
                return job_id
            return await remember(connection, principal, fingerprint, job_id, self._clock.now())

    @override
    async def unknown(self, tenant_id: str, job_ids: Sequence[str]) -> list[str]:
        if not job_ids:
            return []
        query = select(JOBS.c.id).where(JOBS.c.id.in_(job_ids), JOBS.c.tenant_id == tenant_id)
        async with self._database.reading() as connection:
            known = set((await connection.execute(query)).scalars())
        return [job_id for job_id in job_ids if job_id not in known]

    @override
    async def wish(self, principal: Principal, job_id: str, wish: Wish) -> bool:
        condition, values = _CHANGES[wish]
        mine = and_(JOBS.c.id == job_id, JOBS.c.tenant_id == principal.tenant_id, condition)
        return (
            await self._change(
                principal, job_id, wish.value, update(JOBS).where(mine).values(**values)
            )
            is not None
        )

    @override
    async def prioritise(
        self, principal: Principal, job_id: str, priority: int, version: int | None
    ) -> int | None:
        mine = and_(JOBS.c.id == job_id, JOBS.c.tenant_id == principal.tenant_id)
        if version is not None:
            mine = and_(mine, JOBS.c.version == version)
        change = update(JOBS).where(mine).values(priority=priority)
        return await self._change(principal, job_id, "prioritise", change)

    async def _change(
        self, principal: Principal, job_id: str, action: str, change: Update
    ) -> int | None:
        """Return the row's new version, or None when the change met no row."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            raised = change.values(version=JOBS.c.version + 1, updated_at=now)
            if not (await connection.execute(raised)).rowcount:
                return None
            query = select(JOBS.c.version).where(JOBS.c.id == job_id)
            version = int((await connection.execute(query)).scalar_one())
            await record(connection, principal, f"job.{action}", job_id, now)
            wanted = JobWanted(job_id=job_id, version=version)
            left = await put_together(connection, OUTBOX, [Publish(wanted)], now)
        self._leaving(left)
        return version


def _columns(job: NewJob) -> dict[str, object]:
    return {
        "user_label": job.user_label,
        "name": job.name,
        "kind": job.kind,
        "pool": job.pool,
        "bundle_id": job.bundle_id,
        "design_id": job.design_id,
        "spec": _SPEC.dump_python(job.spec, mode="json"),
        "frame_count": job.spec.frame_count,
        "wanted": Wanted.RUN,
        "paused": False,
        "priority": job.priority,
        "retries_wanted": 0,
        "cleanups_wanted": 0,
        "version": 1,
    }

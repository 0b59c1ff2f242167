"""Requests and answers in the database."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.exc import IntegrityError
from typing_extensions import override

from lightmill.analyzer.ports import Analyses, Answer, BundleFile, Request
from lightmill.messages.analysis_finished import AnalysisFinished
from lightmill.runtime.clock import Clock
from lightmill.storage.ports import StatusCache
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.outbox import Publish, put
from lightmill.storage.sql.relay import Relay
from lightmill.storage.sql.schema.analyzer import ANALYSES, OUTBOX
from lightmill.storage.sql.schema.api import ANALYSIS_REQUESTS as REQUESTS
from lightmill.storage.sql.schema.api import ASSETS

SUCCEEDED, FAILED = "SUCCEEDED", "FAILED"
_KEYS_AT_ONCE = 500


def outbox_relay(database: Database, cache: StatusCache, clock: Clock) -> Relay:
    """Return the relay of the analyzer's outbox, which all analyzers share."""
    return Relay(database, OUTBOX, cache, clock, shared=True)


class SqlAnalyses(Analyses):
    """Reads the api's requests, writes the analyzer's answers; wakes the relay after a commit."""

    def __init__(self, database: Database, relay: Relay, clock: Clock) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock

    @override
    async def waiting(self, limit: int) -> Sequence[str]:
        answered = select(ANALYSES.c.id).where(ANALYSES.c.id == REQUESTS.c.id)
        query = select(REQUESTS.c.id).where(~answered.exists()).order_by(REQUESTS.c.id)
        async with self._database.reading() as connection:
            return (await connection.execute(query.limit(limit))).scalars().all()

    @override
    async def find(self, analysis_id: str) -> Request | None:
        answered = select(ANALYSES.c.id).where(ANALYSES.c.id == REQUESTS.c.id)
        query = select(REQUESTS).where(REQUESTS.c.id == analysis_id, ~answered.exists())
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        keys = await self._object_keys(row)
        return Request(
            id=row.id,
            tenant_id=row.tenant_id,
            scene=row.scene,
            content_key=row.content_key,
            files=tuple(
                BundleFile(
                    path=str(item["path"]),
                    size=int(item["size"]),
                    object_key=keys.get(int(item["asset_id"])),
                )
                for item in row.manifest
            ),
        )

    @override
    async def known(self, request: Request) -> Mapping[str, object] | None:
        query = select(ANALYSES.c.outcome).where(
            ANALYSES.c.tenant_id == request.tenant_id,
            ANALYSES.c.content_key == request.content_key,
            ANALYSES.c.state == SUCCEEDED,
        )
        async with self._database.reading() as connection:
            found: Mapping[str, object] | None = (
                await connection.execute(query.limit(1))
            ).scalar_one_or_none()
        return found

    @override
    async def answer(self, request: Request, answer: Answer) -> bool:
        now = self._clock.now()
        row = {
            "id": request.id,
            "tenant_id": request.tenant_id,
            "content_key": request.content_key,
            "state": SUCCEEDED if answer.succeeded else FAILED,
            "outcome": answer.outcome,
            "error": answer.error,
            "finished_at": now,
        }
        finished = AnalysisFinished(
            tenant_id=request.tenant_id, analysis_id=request.id, succeeded=answer.succeeded
        )
        try:
            async with self._database.transaction() as connection:
                await connection.execute(insert(ANALYSES).values(row))
                await put(connection, OUTBOX, [Publish(finished)], now)
        except IntegrityError:  # another analyzer was faster
            return False
        self._relay.wake()
        return True

    async def _object_keys(self, row: Row[Any]) -> dict[int, str]:
        ids = sorted({int(item["asset_id"]) for item in row.manifest})
        keys: dict[int, str] = {}
        async with self._database.reading() as connection:
            for start in range(0, len(ids), _KEYS_AT_ONCE):
                query = select(ASSETS.c.id, ASSETS.c.object_key).where(
                    ASSETS.c.tenant_id == row.tenant_id,
                    ASSETS.c.id.in_(ids[start : start + _KEYS_AT_ONCE]),
                )
                keys.update(
                    (found.id, found.object_key) for found in await connection.execute(query)
                )
        return keys

"""Requests to look into scenes, in SQL."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from lightmill.api.adapters.audit import record
from lightmill.api.core.manifest import Entry
from lightmill.api.ports import Analyses, Analysis, MissingFile
from lightmill.domain.path_rules import PathRule
from lightmill.domain.principal import Principal
from lightmill.domain.scene_formats import is_read
from lightmill.messages.analysis_wanted import AnalysisWanted
from lightmill.runtime.clock import Clock
from lightmill.runtime.ids import new_id
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.outbox import Publish, put
from lightmill.storage.sql.schema.analyzer import ANALYSES
from lightmill.storage.sql.schema.api import ANALYSIS_REQUESTS, OUTBOX

_SUCCEEDED = "SUCCEEDED"
_VERSION = 3
"""Raised when the analyzer learns to see more, so that old answers are not taken up again."""


class SqlAnalyses(Analyses):
    """The table `analysis_requests`, the analyzer's `analyses`, and the doorbell."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        wake: Callable[[], None],
        rules: Sequence[PathRule] = (),
    ) -> None:
        self._rules = rules
        self._database = database
        self._clock = clock
        self._wake = wake

    @override
    async def ask(self, principal: Principal, scene: str, files: Sequence[Entry]) -> str:
        content_key = self._content_key(scene, files)
        async with self._database.reading() as connection:
            known = await self._known(connection, principal.tenant_id, content_key)
        if known is None:
            return await self._ask(principal, scene, files, content_key)
        analysis_id, state = known
        if state is None:
            await self._ring(analysis_id)
        return analysis_id

    async def _known(
        self, connection: AsyncConnection, tenant_id: str, content_key: str
    ) -> tuple[str, str | None] | None:
        """Return the id and state of an answer, or of a request that still waits for one."""
        query = (
            select(ANALYSIS_REQUESTS.c.id, ANALYSES.c.state)
            .outerjoin(ANALYSES, ANALYSES.c.id == ANALYSIS_REQUESTS.c.id)
            .where(
                ANALYSIS_REQUESTS.c.tenant_id == tenant_id,
                ANALYSIS_REQUESTS.c.content_key == content_key,
                or_(ANALYSES.c.state.is_(None), ANALYSES.c.state == _SUCCEEDED),
            )
            .order_by(ANALYSES.c.state.desc(), ANALYSIS_REQUESTS.c.id)
            .limit(1)
        )
        row = (await connection.execute(query)).one_or_none()
        return None if row is None else (row.id, row.state)

    async def _ring(self, analysis_id: str) -> None:
        async with self._database.transaction() as connection:
            wanted = Publish(AnalysisWanted(analysis_id=analysis_id))
            await put(connection, OUTBOX, [wanted], self._clock.now())
        self._wake()

    async def _ask(
        self, principal: Principal, scene: str, files: Sequence[Entry], content_key: str
    ) -> str:
        analysis_id, now = new_id(), self._clock.now()
        async with self._database.transaction() as connection:
            await connection.execute(
                insert(ANALYSIS_REQUESTS).values(
                    id=analysis_id,
                    tenant_id=principal.tenant_id,
                    owner_id=principal.user_id,
                    scene=scene,
                    manifest=[entry.document() for entry in files],
                    content_key=content_key,
                    created_at=now,
                )
            )
            await record(connection, principal, "analysis.create", analysis_id, now)
            await put(connection, OUTBOX, [Publish(AnalysisWanted(analysis_id=analysis_id))], now)
        self._wake()
        return analysis_id

    @override
    async def find(self, tenant_id: str, analysis_id: str) -> Analysis | None:
        query = (
            select(ANALYSIS_REQUESTS.c.id, ANALYSES.c.state, ANALYSES.c.outcome, ANALYSES.c.error)
            .outerjoin(ANALYSES, ANALYSES.c.id == ANALYSIS_REQUESTS.c.id)
            .where(
                ANALYSIS_REQUESTS.c.id == analysis_id,
                ANALYSIS_REQUESTS.c.tenant_id == tenant_id,
            )
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        return Analysis(
            id=row.id, state=row.state or "PENDING", outcome=row.outcome, error=row.error
        )

    @override
    async def missing(
        self, tenant_id: str, scene: str, files: Sequence[Entry]
    ) -> list[MissingFile]:
        query = (
            select(ANALYSES.c.outcome)
            .where(
                ANALYSES.c.tenant_id == tenant_id,
                ANALYSES.c.content_key == self._content_key(scene, files),
                ANALYSES.c.state == _SUCCEEDED,
            )
            .limit(1)
        )
        async with self._database.reading() as connection:
            outcome = (await connection.execute(query)).scalar()
        return _missing(outcome or {})

    def _content_key(self, scene: str, files: Sequence[Entry]) -> str:
        """Return what two requests have in common that have the same answer.

        Of files that no analysis reads, the path alone: a texture painted over changes nothing.
        """
        listed = sorted((e.path, e.blake3 if is_read(e.path) else "") for e in files)
        content = json.dumps([_VERSION, scene, listed, *map(asdict, self._rules)])
        return hashlib.sha256(content.encode()).hexdigest()


def _missing(outcome: Mapping[str, Any]) -> list[MissingFile]:
    used_by, hints = outcome.get("used_by", {}), outcome.get("hints", {})
    return [
        MissingFile(path=path, used_by=tuple(used_by.get(path, ())), hint=hints.get(path))
        for entry in outcome.get("missing", ())
        for path in entry.values()
    ]

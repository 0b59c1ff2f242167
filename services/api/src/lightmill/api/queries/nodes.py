"""The render machines, and what one of them may fetch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, select

from lightmill.api.core import cursor
from lightmill.api.core.moment import rfc3339
from lightmill.api.ports import HeldAttempt
from lightmill.api.queries.page import Cut, Page, page
from lightmill.domain.resources import Offer
from lightmill.domain.states import AttemptState
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import ATTEMPTS, NODES

_OFFER = TypeAdapter(Offer)
_LIVE = (AttemptState.ASSIGNED, AttemptState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A node's offer, and what of it running attempts take; `ram` in bytes."""

    offer: Offer
    state: str
    cores: int
    ram: int
    gpus: int


class NodeQueries:
    """Reads nodes; they belong to the farm, not to a tenant, and show nothing of one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def offers(self, *, fresh: bool = True) -> list[Offer]:
        """Return what every enrolled node offers in all, whatever its state."""
        del fresh  # it always is
        async with self._database.reading() as connection:
            found = (await connection.execute(select(NODES.c.offer))).scalars().all()
        return [_OFFER.validate_python(offer) for offer in found]

    async def loads(self) -> list[Load]:
        """Return what each node offers and how much of it is taken."""
        held = select(ATTEMPTS.c.node_id, ATTEMPTS.c.cores, ATTEMPTS.c.ram, ATTEMPTS.c.gpus).where(
            ATTEMPTS.c.state.in_(_LIVE)
        )
        async with self._database.reading() as connection:
            nodes = (await connection.execute(select(NODES))).all()
            attempts = (await connection.execute(held)).all()
        return [
            _load(node, [attempt for attempt in attempts if attempt.node_id == node.id])
            for node in nodes
        ]

    async def listed(self, cut: Cut) -> Page:
        """Return the nodes in the order in which they enrolled."""
        query = select(NODES).order_by(NODES.c.id)
        if cut.after is not None:
            query = query.where(NODES.c.id > cursor.decode(cut.after, str)[0])

        def mark(row: Row[Any]) -> str:
            return cursor.encode(row.id)

        async with self._database.reading() as connection:
            return await page(connection, query, cut.limit, _node, mark)

    async def find(self, node_id: str) -> dict[str, object] | None:
        """Return one node, or None."""
        async with self._database.reading() as connection:
            query = select(NODES).where(NODES.c.id == node_id)
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _node(row)

    async def held(self, node_id: str, attempt_id: str) -> HeldAttempt | None:
        """Return an attempt that this node holds, or None, whoever else may hold it."""
        query = (
            select(ATTEMPTS.c.id, ATTEMPTS.c.tenant_id, ATTEMPTS.c.job_id, JOBS.c.bundle_id)
            .join(JOBS, JOBS.c.id == ATTEMPTS.c.job_id)
            .where(
                ATTEMPTS.c.id == attempt_id,
                ATTEMPTS.c.node_id == node_id,
                ATTEMPTS.c.state.in_(_LIVE),
            )
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        return HeldAttempt(
            attempt_id=row.id,
            tenant_id=row.tenant_id,
            job_id=row.job_id,
            bundle_id=row.bundle_id,
        )


def _load(node: Row[Any], attempts: Sequence[Any]) -> Load:
    return Load(
        offer=_OFFER.validate_python(node.offer),
        state=node.state,
        cores=sum(attempt.cores for attempt in attempts),
        ram=sum(attempt.ram for attempt in attempts),
        gpus=sum(len(attempt.gpus) for attempt in attempts),
    )


def _node(row: Row[Any]) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "state": row.state,
        "offer": row.offer,
        "wish": row.wish,
        "quarantined_until": rfc3339(row.quarantined_until),
        "seen_at": rfc3339(row.seen_at),
        "updated_at": rfc3339(row.updated_at),
    }

"""Waiting until the farm's rows say that something is so."""

import asyncio

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.domain.states import JobState, NodeState
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.scheduler import JOB_STATES, NODES, OUTBOX

_LOOK_S = 0.02  # each look takes some of the processors' time from what is measured
_WAIT_S = 180.0
_LIVE = (JobState.PENDING, JobState.PROCESSING)


async def online(database: Database, nodes: int) -> None:
    """Return when the leader has met so many nodes."""
    query = select(func.count()).where(NODES.c.state == NodeState.ONLINE)
    await _until(database, query, nodes)


async def handed_out(database: Database, frames: int) -> None:
    """Return when nodes hold so many frames: the sums are written with the attempts."""
    query = select(func.sum(JOB_STATES.c.running)).where(JOB_STATES.c.state.in_(_LIVE))
    await _until(database, query, frames)


async def nothing_left(database: Database) -> None:
    """Return when everything that was to leave after a commit has left."""
    await _until(database, select(func.count()).select_from(OUTBOX), 0)


async def _until(database: Database, query: Select[tuple[int]], wanted: int) -> None:
    async with asyncio.timeout(_WAIT_S), database.reading() as connection:
        while await _number(connection, query) != wanted:  # noqa: ASYNC110  # rows tell nobody
            await asyncio.sleep(_LOOK_S)


async def _number(connection: AsyncConnection, query: Select[tuple[int]]) -> int:
    return int((await connection.execute(query)).scalar() or 0)

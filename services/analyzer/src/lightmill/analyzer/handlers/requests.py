"""Where requests come from: the queue, and the table behind it."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from pydantic import ValidationError

from lightmill.analyzer.ports import Analyses
from lightmill.broker.ports import Delivery, Inbox
from lightmill.messages.analysis_wanted import AnalysisWanted

_LOG = structlog.get_logger()
_PAGE = 100

Analyse = Callable[[str], Awaitable[None]]


async def read_inbox(inbox: Inbox, analyse: Analyse, at_once: int) -> None:
    """Answer what the queue brings, for ever; a message is settled once its answer is committed.

    Raises:
        LinkLostError: the connection is gone.
    """
    while True:
        deliveries = await inbox.receive(at_once)
        wanted = [await _read(inbox, delivery) for delivery in deliveries]
        async with asyncio.TaskGroup() as tasks:
            for analysis_id in filter(None, wanted):
                tasks.create_task(_answer(analyse, analysis_id))
        readable = [item for item, found in zip(deliveries, wanted, strict=True) if found]
        if readable:
            await inbox.settle(readable[-1])


async def sweep(analyses: Analyses, analyse: Analyse, every: float) -> None:
    """Answer requests that no message tells of, at once and then `every` so many seconds."""
    while True:
        for analysis_id in await analyses.waiting(_PAGE):
            await _answer(analyse, analysis_id)
        await asyncio.sleep(every)


async def _read(inbox: Inbox, delivery: Delivery) -> str | None:
    try:
        return AnalysisWanted.model_validate_json(delivery.body).analysis_id
    except ValidationError as error:
        reason = f"not {AnalysisWanted.routing_key}: {error.error_count()} fields are wrong"
        _LOG.warning("message buried", reason=reason)
        await inbox.bury(delivery, reason)
        return None


async def _answer(analyse: Analyse, analysis_id: str) -> None:
    with structlog.contextvars.bound_contextvars(analysis_id=analysis_id):
        await analyse(analysis_id)

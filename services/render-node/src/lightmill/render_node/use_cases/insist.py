"""Asks again what could not be asked."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import structlog

from lightmill.render_node.ports import UnreachableError

_log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")


def waits(first: float = 0.2, longest: float = 5.0, jitter: float = 0.3) -> Iterator[float]:
    """Yield seconds to wait, doubling up to `longest`, varied so that nodes do not march."""
    wait = first
    while True:
        yield wait * random.uniform(1 - jitter, 1 + jitter)  # noqa: S311  # no secret
        wait = min(longest, 2 * wait)


async def insist(ask: Callable[[], Awaitable[Answer]], what: str) -> Answer:
    """Return the answer, however often it has to be asked for; whoever tires cancels."""
    for wait in waits():
        try:
            return await ask()
        except UnreachableError as error:
            _log.warning("asking again", what=what, error=str(error), wait=round(wait, 1))
            await asyncio.sleep(wait)
    raise AssertionError  # the waits never end

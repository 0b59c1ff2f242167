"""How fast the machine itself is while it is measured: the same additions, timed again and again.

A virtual machine whose neighbours are busy takes more processor time for the same work, and no
counter of its own tells. Rates and processor times compare only where this is alike.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import fmean

_LOOK_S = 0.25
_ADDITIONS = 10_000
"""Half a millisecond: nothing beside what is measured."""


class Pace:
    """What it took so far."""

    def __init__(self) -> None:
        self._taken = [_taken()]

    def microseconds(self) -> float:
        """Return the mean processor time that they took since this was asked last."""
        taken, self._taken = self._taken, [_taken()]
        return round(fmean(taken), 1)

    async def keep(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(_LOOK_S)
            self._taken.append(_taken())


@asynccontextmanager
async def pace() -> AsyncIterator[Pace]:
    """Give the machine's pace, looked at throughout the block."""
    kept = Pace()
    keeping = asyncio.create_task(kept.keep())
    try:
        yield kept
    finally:
        keeping.cancel()


def _taken() -> float:
    """Return the microseconds of this thread's processor time."""
    began, total = time.thread_time_ns(), 0
    for number in range(_ADDITIONS):
        total += number * number
    return (time.thread_time_ns() - began) / 1000

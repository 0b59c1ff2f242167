"""The time, handed in so that a test can invent it."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where every other module takes the time from."""

    def now(self) -> datetime:
        """Return the moment, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever grow, from an arbitrary start."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """Return the moment, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251  # this is the clock that the others use

    def monotonic(self) -> float:
        """Return seconds that only ever grow, from an arbitrary start."""
        return time.monotonic()

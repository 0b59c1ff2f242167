"""The status cache in this process, for the farm that needs nothing installed."""

import json
from collections.abc import Mapping
from typing import Protocol

from typing_extensions import override

from lightmill.storage.cache.lifetime import SECONDS
from lightmill.storage.ports import StatusCache


class Clock(Protocol):
    """Where the cache takes the time from."""

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        ...


class MemoryStatusCache(StatusCache):
    """Entries in a dictionary; those that have expired go when one is next written."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, tuple[int, float, str]] = {}

    @override
    async def set_newer(self, key: str, version: int, value: Mapping[str, object]) -> None:
        now = self._clock.monotonic()
        self._forget_expired(now)
        kept = self._entries.get(key)
        if kept is None or kept[0] <= version:
            self._entries.pop(key, None)  # so that the new entry stands last
            self._entries[key] = (version, now + SECONDS, json.dumps(dict(value)))

    @override
    async def get(self, key: str) -> dict[str, object] | None:
        entry = self._entries.get(key)
        if entry is None or entry[1] <= self._clock.monotonic():
            return None
        value: dict[str, object] = json.loads(entry[2])
        return value

    @override
    async def ping(self) -> bool:
        return True

    def clear(self) -> None:
        """Lose everything, as a flushed Redis does."""
        self._entries.clear()

    def _forget_expired(self, now: float) -> None:
        """Drop the oldest entries while they have expired: entries lie in order of expiry."""
        while self._entries:
            oldest = next(iter(self._entries))
            if self._entries[oldest][1] > now:
                return
            del self._entries[oldest]

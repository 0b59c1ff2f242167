"""The status cache in Redis."""

import asyncio
import json
from collections.abc import Awaitable, Mapping, Sequence
from typing import TypeVar

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from typing_extensions import override

from lightmill.storage.cache.lifetime import SECONDS
from lightmill.storage.ports import StatusCache

_TIMEOUT = 0.5  # seconds; past that, MySQL is the faster answer
_REST = 1.0  # seconds without a try after a failure, so that a dead Redis does not slow each call

_AT_ONCE = 200  # entries in one round trip: few enough to be written before the time-out

# An entry is "<version> <json>". Reading, comparing and writing are one step for everyone else.
_SET_NEWER = """
local kept = redis.call('GET', KEYS[1])
local version = kept and tonumber(string.match(kept, '^%d+'))
if version and version > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'EX', ARGV[3])
return 1
"""

_log = structlog.get_logger(__name__)

T = TypeVar("T")


class RedisStatusCache(StatusCache):
    """The server at a `redis://user@host:port/database` URL.

    When it is away, nothing is kept and nothing is found, and one warning is logged.

    Args:
        url: Where it is.
        password: Of the user.
        patience: Seconds after which a server that does not answer counts as away.
    """

    def __init__(
        self, url: str, password: str | None = None, *, patience: float = _TIMEOUT
    ) -> None:
        self._redis = Redis.from_url(
            url,
            password=password,
            decode_responses=True,
            socket_timeout=patience,
            socket_connect_timeout=patience,
            retry=Retry(NoBackoff(), 1),  # once: a connection may have died while it was idle
        )
        self._set_newer = self._redis.register_script(_SET_NEWER)
        self._away = False
        self._rest_until = 0.0

    @override
    async def set_newer(self, key: str, version: int, value: Mapping[str, object]) -> None:
        text = json.dumps(dict(value), separators=(",", ":"))
        if not self._resting():
            await self._attempt(self._set_newer(keys=[key], args=[version, text, SECONDS]))

    @override
    async def set_all_newer(
        self, entries: Sequence[tuple[str, int, Mapping[str, object]]]
    ) -> None:
        for start in range(0, len(entries), _AT_ONCE):
            if not self._resting():
                await self._attempt(self._set_some(entries[start : start + _AT_ONCE]))

    async def _set_some(self, entries: Sequence[tuple[str, int, Mapping[str, object]]]) -> None:
        """Set them all in one round trip."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for key, version, value in entries:
                text = json.dumps(dict(value), separators=(",", ":"))
                await self._set_newer(keys=[key], args=[version, text, SECONDS], client=pipeline)
            await pipeline.execute()

    @override
    async def get(self, key: str) -> dict[str, object] | None:
        if self._resting():
            return None
        entry = await self._attempt(self._redis.get(key))
        return None if entry is None else _value(str(entry))

    @override
    async def ping(self) -> bool:
        return await self._attempt(self._redis.ping()) is not None

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _resting(self) -> bool:
        return self._away and asyncio.get_running_loop().time() < self._rest_until

    async def _attempt(self, call: Awaitable[T]) -> T | None:
        """Return what `call` returns, or None when Redis is away."""
        try:
            answer = await call
        except (RedisError, OSError, TimeoutError) as error:
            self._rest_until = asyncio.get_running_loop().time() + _REST
            if not self._away:
                _log.warning("the status cache is away; statuses are read from SQL", error=error)
            self._away = True
            return None
        if self._away:
            _log.info("the status cache is back")
        self._away = False
        return answer


def _value(entry: str) -> dict[str, object] | None:
    """Return the JSON after the version, or None when another hand has written the entry."""
    try:
        value = json.loads(entry.partition(" ")[2])
    except ValueError:
        return None
    return value if isinstance(value, dict) else None

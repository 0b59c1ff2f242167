"""Both status caches behind one fixture."""

from collections.abc import AsyncIterator

import pytest

from lightmill.runtime.clock import SystemClock
from lightmill.storage.cache.memory import MemoryStatusCache
from lightmill.storage.cache.redis import RedisStatusCache
from lightmill.storage.ports import StatusCache
from lightmill.testing.containers import RedisServer


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.backing)])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[StatusCache]:
    if request.param == "memory":
        yield MemoryStatusCache(SystemClock())
        return
    server: RedisServer = request.getfixturevalue("redis_server")
    redis = RedisStatusCache(server.url, server.password, patience=30)
    yield redis
    await redis.close()

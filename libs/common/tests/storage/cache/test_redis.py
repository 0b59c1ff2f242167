"""How the Redis cache behaves when Redis does not, and how its entries lie."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from lightmill.runtime.ids import new_id
from lightmill.storage.cache.redis import RedisStatusCache
from lightmill.testing.containers import RedisServer

PATIENCE = 30.0


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Give a port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def use(cache: RedisStatusCache) -> None:
    await cache.set_newer("job:1", 1, {"a": 1})
    assert await cache.get("job:1") is None
    assert await cache.ping() is False


async def test_a_redis_that_is_away_is_no_fault_and_is_told_once() -> None:
    cache = RedisStatusCache("redis://127.0.0.1:1/0", "password")
    with capture_logs() as logs:
        await use(cache)
        await use(cache)
    await cache.close()
    assert [log["log_level"] for log in logs] == ["warning"]


@pytest.mark.slow
async def test_a_redis_that_does_not_answer_costs_little_time(silent_port: int) -> None:
    cache = RedisStatusCache(f"redis://127.0.0.1:{silent_port}/0")
    began = time.monotonic()
    with capture_logs():
        for _ in range(100):
            assert await cache.get("job:1") is None
    await cache.close()
    assert time.monotonic() - began < 2.5


@pytest.fixture
async def plain(redis_server: RedisServer) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_server.url, password=redis_server.password) as redis:
        yield redis


@pytest.fixture
async def cache(redis_server: RedisServer) -> AsyncIterator[RedisStatusCache]:
    cache = RedisStatusCache(redis_server.url, redis_server.password, patience=PATIENCE)
    yield cache
    await cache.close()


@pytest.mark.backing
async def test_an_entry_expires_after_thirty_seconds(
    cache: RedisStatusCache, plain: Redis
) -> None:
    before = await now_of(plain)
    await cache.set_newer("job:ttl", 1, {"a": 1})
    after = await now_of(plain)
    assert before + 30 <= await plain.pexpiretime("job:ttl") / 1000 <= after + 30


async def now_of(redis: Redis) -> float:
    """Return the server's time to the millisecond, in which it writes down when entries go."""
    seconds, microseconds = await redis.time()
    return float(seconds) + microseconds // 1000 / 1000


@pytest.mark.backing
async def test_flushing_loses_entries_and_nothing_else(
    cache: RedisStatusCache, plain: Redis
) -> None:
    key = f"job:{new_id()}"
    await cache.set_newer(key, 5, {"a": 1})
    await plain.flushall()
    await plain.script_flush()
    assert await cache.get(key) is None
    await cache.set_newer(key, 4, {"a": 2})
    assert await cache.get(key) == {"a": 2}


@pytest.mark.backing
async def test_an_entry_in_another_hand_is_a_miss(cache: RedisStatusCache, plain: Redis) -> None:
    key = f"job:{new_id()}"
    for text in ("nonsense", "7 [1]", "7 {", ""):
        await plain.set(key, text)
        assert await cache.get(key) is None
    await cache.set_newer(key, 8, {"a": 1})
    assert await cache.get(key) == {"a": 1}


@pytest.mark.backing
async def test_a_wrong_password_is_no_fault(redis_server: RedisServer) -> None:
    cache = RedisStatusCache(redis_server.url, "wrong")
    with capture_logs() as logs:
        await use(cache)
    await cache.close()
    assert [log["log_level"] for log in logs] == ["warning"]


@pytest.mark.backing
async def test_connections_that_redis_has_closed_are_opened_again(
    cache: RedisStatusCache, plain: Redis
) -> None:
    key = f"job:{new_id()}"
    await cache.set_newer(key, 1, {"a": 1})
    await plain.client_kill_filter(_type="normal", skipme=True)
    with capture_logs() as logs:
        await asyncio.gather(*(cache.get(key) for _ in range(5)))
        assert await cache.get(key) == {"a": 1}
    assert logs == []


@pytest.mark.backing
@pytest.mark.slow
async def test_it_is_told_when_redis_is_back(redis_server: RedisServer) -> None:
    cache = RedisStatusCache(redis_server.url, redis_server.password)
    container = redis_server.container.get_wrapped_container()
    with capture_logs() as logs:
        await asyncio.to_thread(container.pause)
        try:
            assert await cache.ping() is False
        finally:
            await asyncio.to_thread(container.unpause)
        async with asyncio.timeout(10):
            while not await cache.ping():
                continue
    await cache.close()
    assert [log["log_level"] for log in logs] == ["warning", "info"]

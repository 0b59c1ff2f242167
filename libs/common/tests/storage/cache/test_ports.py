"""What the services rely on, held against both caches."""

import asyncio
import random

import pytest

from lightmill.runtime.ids import new_id
from lightmill.storage.ports import StatusCache

VALUE = {"state": "PROCESSING", "progress": 0.5, "error": None, "frames": 24, "name": "бюро"}


@pytest.fixture
def key() -> str:
    return f"job:{new_id()}"


async def test_what_is_set_is_found(cache: StatusCache, key: str) -> None:
    assert await cache.get(key) is None
    await cache.set_newer(key, 1, VALUE)
    assert await cache.get(key) == VALUE
    assert await cache.get(key + "0") is None


async def test_a_newer_version_replaces_an_older_one(cache: StatusCache, key: str) -> None:
    await cache.set_newer(key, 9, {"state": "PENDING"})
    await cache.set_newer(key, 10, {"state": "PROCESSING"})
    assert await cache.get(key) == {"state": "PROCESSING"}


async def test_an_older_version_changes_nothing(cache: StatusCache, key: str) -> None:
    await cache.set_newer(key, 10, {"state": "CANCELLED"})
    await cache.set_newer(key, 9, {"state": "PROCESSING"})
    assert await cache.get(key) == {"state": "CANCELLED"}


async def test_the_same_version_may_be_set_again(cache: StatusCache, key: str) -> None:
    await cache.set_newer(key, 10, {"progress": 0.1})
    await cache.set_newer(key, 10, {"progress": 0.2})
    assert await cache.get(key) == {"progress": 0.2}


async def test_the_newest_stands_in_whatever_order_they_come(cache: StatusCache, key: str) -> None:
    versions = list(range(1, 60))
    random.Random(4).shuffle(versions)  # noqa: S311  # a fixed order, not a secret one
    await asyncio.gather(*(cache.set_newer(key, v, {"version": v}) for v in versions))
    assert await cache.get(key) == {"version": 59}


async def test_who_reads_holds_a_copy(cache: StatusCache, key: str) -> None:
    value: dict[str, object] = {"frames": [1]}
    await cache.set_newer(key, 1, value)
    value["frames"] = []
    first = await cache.get(key)
    assert first == {"frames": [1]}
    first.clear()
    assert await cache.get(key) == {"frames": [1]}


async def test_it_answers(cache: StatusCache) -> None:
    assert await cache.ping() is True

"""How entries of the in-process cache go."""

from lightmill.storage.cache.memory import MemoryStatusCache


class SetClock:
    """A clock that stands where the test sets it."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


async def test_an_entry_expires_after_thirty_seconds() -> None:
    clock = SetClock()
    cache = MemoryStatusCache(clock)
    await cache.set_newer("job:1", 5, {"a": 1})
    clock.seconds = 29.9
    assert await cache.get("job:1") == {"a": 1}
    clock.seconds = 30.0
    assert await cache.get("job:1") is None
    await cache.set_newer("job:1", 4, {"a": 0})  # nothing newer is there any more
    assert await cache.get("job:1") == {"a": 0}


async def test_setting_again_makes_an_entry_live_on() -> None:
    clock = SetClock()
    cache = MemoryStatusCache(clock)
    await cache.set_newer("job:1", 1, {"a": 1})
    await cache.set_newer("job:2", 1, {"b": 1})
    clock.seconds = 20.0
    await cache.set_newer("job:1", 2, {"a": 2})
    clock.seconds = 40.0
    await cache.set_newer("job:3", 1, {"c": 1})
    assert await cache.get("job:1") == {"a": 2}
    assert await cache.get("job:2") is None


async def test_clearing_loses_everything() -> None:
    cache = MemoryStatusCache(SetClock())
    await cache.set_newer("job:1", 5, {"a": 1})
    cache.clear()
    assert await cache.get("job:1") is None

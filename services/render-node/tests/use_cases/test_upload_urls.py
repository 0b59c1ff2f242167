"""URLs come in batches, are used while they are good, and are asked for again when not."""

from datetime import UTC, datetime
from itertools import islice

import pytest
from node_twins import Farm

from lightmill.render_node.ports import UnreachableError
from lightmill.render_node.use_cases.insist import insist, waits
from lightmill.render_node.use_cases.upload_urls import UploadUrls


class Watch:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time, UTC)

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def farm() -> Farm:
    return Farm()


async def test_many_names_are_asked_for_at_once(farm: Farm) -> None:
    names = [f"{number:04d}.png" for number in range(150)]
    urls = UploadUrls(farm, Watch(), "a", names)
    await urls.fetch_ahead()
    keys = [(await urls.url(name)).key for name in names]
    assert keys == [f"attempts/a/{name}" for name in names]
    assert farm.calls["upload_urls"] == 2


async def test_a_url_is_asked_for_again_when_its_time_is_over(farm: Farm) -> None:
    watch = Watch()
    urls = UploadUrls(farm, watch, "a", ["x", "y"])
    await urls.url("x")
    await urls.url("y")
    assert farm.calls["upload_urls"] == 1
    watch.time += 3600
    await urls.url("y")
    assert farm.calls["upload_urls"] == 2


async def test_a_url_that_the_store_did_not_accept_is_not_used_again(farm: Farm) -> None:
    urls = UploadUrls(farm, Watch(), "a", ["x", "y"])
    await urls.url("x")
    urls.distrust("x")
    await urls.url("x")
    assert farm.calls["upload_urls"] == 2


def test_waits_grow_to_five_seconds_and_vary() -> None:
    found = list(islice(waits(), 12))
    assert 0.14 <= found[0] <= 0.26
    assert all(3.5 <= wait <= 6.5 for wait in found[6:])
    assert len(set(found)) == len(found)


async def test_what_was_not_answered_is_asked_again() -> None:
    answers = iter([UnreachableError("away"), None])

    async def ask() -> str:
        if (error := next(answers)) is not None:
            raise error
        return "here"

    assert await insist(ask, "a question") == "here"

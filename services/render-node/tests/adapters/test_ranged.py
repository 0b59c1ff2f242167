"""A large object arrives in ranges, whole and hashed, or not at all."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from blake3 import blake3

from lightmill.render_node.adapters.http import HttpTransfers
from lightmill.render_node.adapters.ranged import LARGE
from lightmill.render_node.ports import ContentGoneError, UnreachableError

CONTENT = bytes(range(256)) * (LARGE // 256) + b"the end"
URL = "http://s3/cache.abc?signature=1"
Answer = Callable[[httpx2.Request], httpx2.Response]


def ranged(request: httpx2.Request) -> httpx2.Response:
    asked = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers["Range"])
    assert asked is not None
    first, last = map(int, asked.groups())
    told = {"Content-Range": f"bytes {first}-{last}/{len(CONTENT)}"}
    return httpx2.Response(206, content=CONTENT[first : last + 1], headers=told)


async def download(answer: Answer, target: Path) -> str:
    wire = httpx2.MockTransport(answer)
    async with httpx2.AsyncClient(transport=wire) as client:
        return await HttpTransfers(client).download(URL, target, len(CONTENT))


async def test_the_ranges_make_the_object(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.headers["Range"])
        return ranged(request)

    digest = await download(answer, tmp_path / "x")
    assert digest == blake3(CONTENT).hexdigest()
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert len(asked) == len(set(asked)) == 5


async def test_a_store_without_ranges_sends_it_whole(tmp_path: Path) -> None:
    digest = await download(lambda _: httpx2.Response(200, content=CONTENT), tmp_path / "x")
    assert digest == blake3(CONTENT).hexdigest()
    assert (tmp_path / "x").read_bytes() == CONTENT


async def test_damage_in_one_range_shows_in_the_hash(tmp_path: Path) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        sent = ranged(request)
        if request.headers["Range"].startswith("bytes=16777216-"):
            flipped = bytes([sent.content[0] ^ 1]) + sent.content[1:]
            return httpx2.Response(206, content=flipped, headers=dict(sent.headers))
        return sent

    assert await download(answer, tmp_path / "x") != blake3(CONTENT).hexdigest()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx2.Response(404), ContentGoneError),
        (httpx2.Response(403), UnreachableError),
        (httpx2.Response(503), UnreachableError),
        (httpx2.ReadError("cut"), UnreachableError),
    ],
)
async def test_a_range_that_is_not_to_be_had_is_told(
    tmp_path: Path, answer: httpx2.Response | Exception, error: type[Exception]
) -> None:
    def third(request: httpx2.Request) -> httpx2.Response:
        if not request.headers["Range"].startswith("bytes=33554432-"):
            return ranged(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(error):
        await download(third, tmp_path / "x")


async def test_a_range_that_ends_early_is_no_range(tmp_path: Path) -> None:
    def short(request: httpx2.Request) -> httpx2.Response:
        sent = ranged(request)
        told = {"Content-Range": sent.headers["Content-Range"]}
        return httpx2.Response(206, content=sent.content[:-1], headers=told)

    with pytest.raises(UnreachableError, match="of a range arrived"):
        await download(short, tmp_path / "x")

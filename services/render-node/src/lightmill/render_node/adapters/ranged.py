"""A large object fetched in ranges beside each other."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import httpx2
from blake3 import blake3

LARGE = 64 * 2**20
"""Bytes from which one connection alone is not enough."""

_RANGE = 16 * 2**20
_BESIDE = 4
_PIECE = 2**20


class NoRangesError(Exception):
    """The store sends the whole object, or another part of it, whatever is asked for."""


async def fetch_ranges(
    client: httpx2.AsyncClient, url: str, target: Path, size: int
) -> httpx2.Response | None:
    """Write the object to `target`; None when all of it arrived, else the first refusal.

    Raises:
        NoRangesError: it has to be fetched in one piece.
        TransportError: the store does not answer.
    """
    gate = asyncio.Semaphore(_BESIDE)
    file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_range(client, url, file, piece, gate)) for piece in _cut(size)
            ]
    except* httpx2.TransportError as errors:
        raise httpx2.TransportError(str(errors.exceptions[0])) from errors
    except* NoRangesError as errors:
        raise NoRangesError from errors
    finally:
        os.close(file)
    return next((refusal for task in tasks if (refusal := task.result()) is not None), None)


def hash_of(path: Path) -> str:
    """Return the BLAKE3 of a file, hex."""
    digest = blake3()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _cut(size: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the last byte of each range."""
    for start in range(0, size, _RANGE):
        yield start, min(start + _RANGE, size) - 1


async def _range(
    client: httpx2.AsyncClient,
    url: str,
    file: int,
    piece: tuple[int, int],
    gate: asyncio.Semaphore,
) -> httpx2.Response | None:
    first, last = piece
    asked = {"Range": f"bytes={first}-{last}"}
    async with gate, client.stream("GET", url, headers=asked) as answer:
        if answer.is_error:
            await answer.aread()
            return answer
        if not answer.headers.get("content-range", "").startswith(f"bytes {first}-{last}/"):
            raise NoRangesError
        at = first
        async for content in answer.aiter_bytes(_PIECE):
            at += await asyncio.to_thread(os.pwrite, file, content, at)
    if at != last + 1:
        raise httpx2.ReadError(f"{at - first} of {last + 1 - first} bytes of a range arrived")
    return None

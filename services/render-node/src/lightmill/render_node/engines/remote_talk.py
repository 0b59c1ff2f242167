"""HTTP with a service that may be slow, busy, broken or hostile."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypeVar

import httpx2

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Json
from lightmill.render_node.engines.contract import Request
from lightmill.render_node.ports import RenderFailedError
from lightmill.runtime.clock import Clock

_TIMEOUT = httpx2.Timeout(30.0, pool=None)
_MOST_ANSWER = 2**20
_MOST_IMAGE = 2**32
_LONGEST_PAUSE = 60.0
_REDIRECTS = 3
_BUSY = frozenset({429, 503})
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_GONE = frozenset({404, 410})
_TOLD = 500
_Found = TypeVar("_Found")


class UnknownRenderError(Exception):
    """The service does not know what it is asked for."""


class _LaterError(Exception):
    """The service may do better next time.

    Attributes:
        wait: Seconds that it asked for, or None.
        busy: Whether it said that it has too much to do.
    """

    def __init__(self, detail: str, *, wait: float | None = None, busy: bool = False) -> None:
        super().__init__(detail)
        self.wait = wait
        self.busy = busy


class RemoteTalk:
    """Asks until there is an answer or the time is over; a refusal is told at once.

    Between two tries it waits as long as the service asks (`Retry-After`), else twice as long
    as before.

    Args:
        url: Requests go below it.
        token: Bearer token; shown there and nowhere else.
        clock: For a `Retry-After` that names a moment.
    """

    def __init__(self, url: str, token: str | None, clock: Clock) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._clock = clock
        self._client = httpx2.AsyncClient(timeout=_TIMEOUT, follow_redirects=False)
        self._time = asyncio.get_running_loop().time

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ask(
        self, request: Request, first_wait: float, deadline: float, *, key: str | None = None
    ) -> Json:
        """Return the answer.

        Args:
            request: What is asked.
            first_wait: Seconds to wait after the first failure.
            deadline: On the event loop's clock.
            key: Makes a repeated request the same one to a service that heeds it.

        Raises:
            UnknownRenderError: there is no such thing there.
            RenderFailedError: the service refuses, or gave no answer in time.
        """
        headers = {**self._headers, **({"Idempotency-Key": key} if key else {})}

        async def once() -> Json:
            url = f"{self._url}/{request.path}"
            sent = self._client.stream(request.method, url, headers=headers, json=request.body)
            async with self._answered(sent) as answer:
                return await _json(answer)

        return await self._insist(once, first_wait, deadline)

    async def download(
        self,
        url: str,
        target: Path,
        first_wait: float,
        deadline: float,
        *,
        trusts: Callable[[str], bool],
    ) -> int:
        """Write what lies at `url` to `target`; returns its size in bytes.

        Raises:
            RenderFailedError: it is not to be had, or lies where it is not trusted.
        """

        async def once() -> int:
            return await self._stream(url, target, trusts)

        try:
            return await self._insist(once, first_wait, deadline)
        except UnknownRenderError as error:
            detail = f"there is no image at {url.split('?', maxsplit=1)[0]}"
            raise RenderFailedError(FailureKind.OUTPUT, detail) from error

    async def pause(self, seconds: float, deadline: float, what: str) -> None:
        """Wait.

        Raises:
            RenderFailedError: of kind TIMEOUT: the deadline would pass meanwhile.
        """
        if self._time() + seconds >= deadline:
            raise RenderFailedError(FailureKind.TIMEOUT, f"no time is left for {what}")
        await asyncio.sleep(seconds)

    async def _insist(
        self, once: Callable[[], Awaitable[_Found]], first_wait: float, deadline: float
    ) -> _Found:
        wait = first_wait
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    return await once()
            except TimeoutError as error:
                detail = "the service did not answer in time"
                raise RenderFailedError(FailureKind.TIMEOUT, detail) from error
            except _LaterError as error:
                pause = wait if error.wait is None else error.wait
                if self._time() + pause >= deadline:
                    kind = FailureKind.LICENCE if error.busy else FailureKind.TIMEOUT
                    detail = f"no time is left to ask again in {pause:g} s: {error}"
                    raise RenderFailedError(kind, detail) from error
            await asyncio.sleep(pause)
            wait = min(2 * wait, _LONGEST_PAUSE)

    async def _stream(self, url: str, target: Path, trusts: Callable[[str], bool]) -> int:
        for _ in range(_REDIRECTS + 1):
            headers = self._headers if url.startswith(f"{self._url}/") else {}
            async with self._answered(self._client.stream("GET", url, headers=headers)) as answer:
                if not answer.has_redirect_location:
                    return await _written(answer, target)
                url = str(answer.url.join(answer.headers["location"]))
            if not trusts(url):
                detail = "the image was moved to a host that is not trusted"
                raise RenderFailedError(FailureKind.OUTPUT, detail)
        raise RenderFailedError(FailureKind.OUTPUT, "the image was moved again and again")

    @asynccontextmanager
    async def _answered(
        self, sent: AbstractAsyncContextManager[httpx2.Response]
    ) -> AsyncIterator[httpx2.Response]:
        """Give an answer that is neither a refusal nor a wish to be asked later."""
        try:
            async with sent as answer:
                if answer.is_error:
                    await self._refuse(answer)
                yield answer
        except httpx2.HTTPError as error:
            raise _LaterError(f"{type(error).__name__}: {error}") from error

    async def _refuse(self, answer: httpx2.Response) -> None:
        status = answer.status_code
        told = (await _bounded(answer, 4 * _TOLD))[:_TOLD].decode("utf-8", "replace")
        detail = f"{status} of {answer.request.method} {answer.request.url.path}: {told}"
        if status in _AGAIN:
            raise _LaterError(detail, wait=self._retry_after(answer), busy=status in _BUSY)
        if status in _GONE:
            raise UnknownRenderError(detail)
        if status in {401, 403}:
            detail = f"{detail}; LIGHTMILL_NODE_REMOTE_TOKEN is what it was shown"
        raise RenderFailedError(FailureKind.ENGINE, detail)

    def _retry_after(self, answer: httpx2.Response) -> float | None:
        asked = answer.headers.get("retry-after", "").strip()
        if asked.isascii() and asked.isdigit():
            return float(asked[:12])
        try:
            moment = parsedate_to_datetime(asked)
            return max(0.0, (moment - self._clock.now()).total_seconds())
        except (TypeError, ValueError):  # what it says is no moment
            return None


async def _json(answer: httpx2.Response) -> Json:
    content = await _bounded(answer, _MOST_ANSWER)
    try:
        found: Json = json.loads(content)
    except (ValueError, RecursionError) as error:
        detail = f"{answer.request.url.path} answers what is no JSON: {content[:80]!r}"
        raise RenderFailedError(FailureKind.ENGINE, detail) from error
    return found


async def _bounded(answer: httpx2.Response, most: int) -> bytes:
    content = bytearray()
    async for piece in answer.aiter_bytes():
        content += piece
        if len(content) > most:
            break
    return bytes(content[:most])


async def _written(answer: httpx2.Response, target: Path) -> int:
    size = 0
    with target.open("wb") as file:  # pieces go to the page cache
        async for piece in answer.aiter_bytes():
            size += len(piece)
            if size > _MOST_IMAGE:
                raise RenderFailedError(FailureKind.OUTPUT, "the image is larger than any may be")
            file.write(piece)
    return size

"""Requests to a farm that are repeated until it has answered."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import httpx2

from lightmill.client.errors import FarmUnreachableError, refusal

WAITS = (0.2, 0.5, 1.0, 2.0, 4.0)
_LATER = frozenset({429, 502, 503, 504})
_MOST = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request; a file is opened anew each time that it is sent."""

    method: str
    path: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    body: object = None
    form: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Transport:
    """Sends requests with the token, and repeats what was not answered.

    Every POST carries an idempotency key, so that repeating one whose answer was lost is safe.

    Args:
        url: Address of the farm.
        token: Goes to the farm alone, never to a storage URL that the farm hands out.
        pause: Waits for so many seconds.
        wire: What carries the requests; the network unless a test hands in something else.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        pause: Callable[[float], None] = time.sleep,
        wire: httpx2.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._pause = pause
        self._farm = httpx2.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx2.Timeout(60.0, connect=5.0),
            transport=wire,
        )
        self._store = httpx2.Client(timeout=60.0, transport=wire)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def pause(self, seconds: float) -> None:
        """Wait before asking again."""
        self._pause(seconds)

    def close(self) -> None:
        """Close the connections."""
        self._farm.close()
        self._store.close()

    def send(self, call: Call) -> object:
        """Return the JSON that the farm answers, or None where it answers nothing.

        Raises:
            RefusedError: the farm said no.
            FarmUnreachableError: it did not answer, however often asked.
        """
        headers = dict(call.headers)
        if call.method == "POST":
            headers.setdefault("Idempotency-Key", uuid.uuid4().hex)
        answer = self._repeat(lambda: self._once(call, headers))
        if answer.is_error:
            raise refusal(answer.status_code, answer.reason_phrase, _json(answer))
        return _json(answer)

    def text(self, path: str) -> str:
        """Return the text that stands at a path of the farm; raises as `send` does."""
        answer = self._repeat(lambda: self._once(Call(method="GET", path=path), {}))
        if answer.is_error:
            raise refusal(answer.status_code, answer.reason_phrase, _json(answer))
        return answer.text

    def fetch(self, url: str, target: Path) -> None:
        """Write what a signed URL holds to `target`, whole or not at all."""
        draft = target.with_name(f".{target.name}.part")
        try:
            answer = self._repeat(lambda: self._download(self._absolute(url), draft))
            if answer.is_error:
                raise refusal(answer.status_code, answer.reason_phrase, None)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)

    def store(self, url: str, content: Callable[[], Iterator[bytes]], size: int) -> None:
        """Write `size` bytes to a signed URL.

        Args:
            url: From the farm.
            content: Gives the content anew each time that it is sent.
            size: Bytes of it.

        Raises:
            RefusedError: the store said no; 403 when the URL's time is over.
            FarmUnreachableError: the store did not answer, however often asked.
        """
        headers = {"Content-Length": str(size)}
        place = self._absolute(url)
        answer = self._repeat(
            lambda: self._store.put(place, content=content(), headers=headers), _server(place)
        )
        if answer.is_error:
            raise refusal(answer.status_code, answer.reason_phrase, _json(answer))

    def _absolute(self, url: str) -> str:
        return self.url + url if url.startswith("/") else url

    def _download(self, url: str, draft: Path) -> httpx2.Response:
        with self._store.stream("GET", url) as answer, draft.open("wb") as file:
            if not answer.is_error:
                for piece in answer.iter_bytes():
                    file.write(piece)
        return answer

    def _once(self, call: Call, headers: Mapping[str, str]) -> httpx2.Response:
        with ExitStack() as opened:
            files = None
            if call.file is not None:
                content = opened.enter_context(call.file.open("rb"))
                files = {"file": (call.file.name, content, "application/octet-stream")}
            return self._farm.request(
                call.method,
                call.path,
                params=dict(call.params) or None,
                json=call.body,
                data=dict(call.form) or None,
                files=files,
                headers=dict(headers),
            )

    def _repeat(
        self, once: Callable[[], httpx2.Response], server: str | None = None
    ) -> httpx2.Response:
        """Return the first answer that is not "later"; the last one when the waits are used up."""
        asked = server or self.url
        waits: Iterator[float] = iter(WAITS)
        while True:
            reason, wait = "", next(waits, None)
            try:
                answer = once()
            except httpx2.UnsupportedProtocol as error:
                raise FarmUnreachableError(asked, "an address begins with http://") from error
            except httpx2.TransportError as error:
                reason = str(error) or type(error).__name__
                if wait is None:
                    raise FarmUnreachableError(asked, reason) from error
            else:
                if answer.status_code not in _LATER or wait is None:
                    return answer
                wait = max(wait, _asked_for(answer))
            self._pause(wait)


def _server(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _asked_for(answer: httpx2.Response) -> float:
    try:
        return min(float(answer.headers.get("Retry-After", "0")), _MOST)
    except ValueError:
        return 0.0


def _json(answer: httpx2.Response) -> object:
    try:
        return answer.json() if answer.content else None
    except ValueError:
        return None

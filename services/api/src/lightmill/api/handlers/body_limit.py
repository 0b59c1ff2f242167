"""Reads bodies up to a limit, and refuses JSON that nests too deep."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lightmill.api.core.json_depth import DEEPEST, nests_deeper
from lightmill.api.core.problem import Problem
from lightmill.api.handlers.problems import response

_STREAMED = ("/objects/", "/api/files/upload")


class BodyLimit:
    """ASGI middleware: hands on whole bodies of at most `most` bytes.

    Paths that stream their body bound it themselves.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"].startswith(_STREAMED):
            await self._app(scope, receive, send)
            return
        body = await self._read(receive)
        problem = self._problem(body, Headers(scope=scope).get("content-type", ""))
        if problem is not None or body is None:
            answer = response(problem or _gone(), scope["path"])
            await answer(scope, receive, send)
            return
        scope.setdefault("state", {})["body"] = body
        await self._app(scope, replay(body, receive), send)

    async def _read(self, receive: Receive) -> bytes | None:
        """Return the body, at most a little over the limit; None when the client has gone."""
        pieces: list[bytes] = []
        size, more = 0, True
        while more and size <= self._most:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            more = message.get("more_body", False)
        return b"".join(pieces)

    def _problem(self, body: bytes | None, media_type: str) -> Problem | None:
        if body is None:
            return _gone()
        if len(body) > self._most:
            detail = f"the body is longer than {self._most} bytes; send less at once"
            return Problem(status=413, code="too-large", detail=detail)
        if "json" in media_type and nests_deeper(body):
            detail = f"the body nests more than {DEEPEST} levels deep"
            return Problem(status=422, code="too-deep", detail=detail)
        return None


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives `body` once, and then whatever `receive` gives."""
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again


def _gone() -> Problem:
    return Problem(status=400, code="client-gone", detail="the body ended early")

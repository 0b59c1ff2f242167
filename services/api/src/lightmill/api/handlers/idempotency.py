"""`Idempotency-Key`: the same POST again gets the answer of the first."""

import hashlib
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lightmill.api.core.problem import Problem
from lightmill.api.handlers.problems import of_exception, response
from lightmill.api.ports import Answer, Claim, IdempotencyKeys
from lightmill.domain.principal import Principal

_LONGEST = 200
_KEPT_HEADERS = ("content-type", "location", "etag")
_SERVER_ERROR = 500
_SECRET = re.compile(
    r"/api/v1/tokens|/api/v1/nodes/enrol|/api/v1/attempts/[^/]+/upload-urls|/api/files/upload"
)


def keeps_answers(path: str) -> bool:
    """Tell whether the answers to POSTs to `path` may be kept: they hold no secret."""
    return _SECRET.fullmatch(path) is None


class Idempotency:
    """ASGI middleware round POSTs that carry the header; it stands behind Gate and BodyLimit.

    Left out are uploads, which are the same by their content, and what answers with a secret,
    which nobody keeps. An answer of 500 and more is not
    kept, so that the request can be made again.
    """

    def __init__(self, app: ASGIApp, keys: IdempotencyKeys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        key = _key(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        try:
            problem, answer = await self._prepare(scope, key)
        except Exception as error:  # noqa: BLE001  # the handlers of the app lie further in
            problem, answer = of_exception(error)[0], None
        if problem is not None:
            await response(problem, scope["path"])(scope, receive, send)
        elif answer is not None:
            await _repeat(answer, send)
        else:
            await self._run(scope, receive, send, key)

    async def _prepare(self, scope: Scope, key: str) -> tuple[Problem | None, Answer | None]:
        if not key or len(key) > _LONGEST or not key.isascii():
            detail = f"Idempotency-Key: 1 to {_LONGEST} ASCII characters"
            return Problem(status=422, code="invalid-idempotency-key", detail=detail), None
        principal: Principal = scope["state"]["principal"]
        digest = _digest(scope)
        claim = await self._keys.claim(principal, key, digest)
        if claim.mine:
            scope["state"]["reserved_id"] = claim.reserved_id
            return None, None
        return _refusal(claim, digest), claim.answer

    async def _run(self, scope: Scope, receive: Receive, send: Send, key: str) -> None:
        principal: Principal = scope["state"]["principal"]
        said = _Said()
        held: list[Message] = []

        async def listen(message: Message) -> None:
            # The answer is kept before it leaves, so that who has it can rely on it.
            held.append(message)
            if said.hears_end_of(message):
                await self._settle(principal, key, said)
                for waiting in held:
                    await send(waiting)

        try:
            await self._app(scope, receive, listen)
        except BaseException:
            await self._keys.release(principal, key)
            raise

    async def _settle(self, principal: Principal, key: str, said: "_Said") -> None:
        if said.status >= _SERVER_ERROR:
            await self._keys.release(principal, key)
        else:
            await self._keys.settle(principal, key, said.answer())


class _Said:
    """An answer as it is being sent."""

    def __init__(self) -> None:
        self.status = 0
        self._headers: dict[str, str] = {}
        self._body = b""

    def hears_end_of(self, message: Message) -> bool:
        """Take a message in; tell whether the answer is complete with it."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = Headers(raw=message["headers"])
            self._headers = {name: headers[name] for name in _KEPT_HEADERS if name in headers}
            return False
        self._body += message.get("body", b"")
        return not message.get("more_body", False)

    def answer(self) -> Answer:
        return Answer(status=self.status, headers=self._headers, body=self._body.decode())


def _key(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    state = scope.get("state", {})
    if not keeps_answers(scope["path"]) or "principal" not in state or "body" not in state:
        return None
    return Headers(scope=scope).get("idempotency-key")


def _digest(scope: Scope) -> str:
    text = b"\n".join((scope["path"].encode(), scope["query_string"], scope["state"]["body"]))
    return hashlib.sha256(text).hexdigest()


def _refusal(claim: Claim, digest: str) -> Problem | None:
    if claim.request_sha256 != digest:
        detail = "Idempotency-Key: it came with another request before; choose a new key"
        return Problem(status=422, code="idempotency-key-reused", detail=detail)
    if claim.answer is None:
        detail = "the first request with this Idempotency-Key is not answered yet: ask again"
        return Problem(status=409, code="in-flight", detail=detail)
    return None


async def _repeat(answer: Answer, send: Send) -> None:
    headers = MutableHeaders(headers={**answer.headers, "idempotency-replayed": "true"})
    start = {"type": "http.response.start", "status": answer.status, "headers": headers.raw}
    await send(start)
    await send({"type": "http.response.body", "body": answer.body.encode()})

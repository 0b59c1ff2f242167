"""Names, measures and logs every request, and answers for what nobody has caught."""

import re
from time import perf_counter

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lightmill.api.handlers.problems import of_exception, response
from lightmill.runtime.ids import new_id

_REQUESTS = Counter(
    "lightmill_api_requests_total", "Requests answered", ["method", "route", "status"]
)
_SECONDS = Histogram("lightmill_api_request_seconds", "Time to answer", ["method", "route"])
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
_LOG = structlog.get_logger(__name__)


class Trace:
    """ASGI middleware, the outermost; a request's id is the caller's `X-Request-ID` or ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else new_id()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._traced(scope, receive, send, request_id)

    async def _traced(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        status, began = 0, perf_counter()

        async def listen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, listen)
        except Exception as error:
            _LOG.exception("request failed")
            if status:  # an answer is on its way already: break it off
                raise
            problem, headers = of_exception(error)
            await response(problem, scope["path"], headers)(scope, receive, listen)
        finally:
            _note(scope, status, perf_counter() - began)


def _note(scope: Scope, status: int, seconds: float) -> None:
    method = scope["method"] if scope["method"] in _METHODS else "other"
    route = getattr(scope.get("route"), "path", "none")
    _REQUESTS.labels(method, route, str(status)).inc()
    _SECONDS.labels(method, route).observe(seconds)
    if scope["path"] not in _QUIET:
        _LOG.info(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            seconds=round(seconds, 4),
        )

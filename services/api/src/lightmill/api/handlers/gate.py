"""Lets nobody in without a token, before anything of the body is read."""

from collections.abc import Awaitable, Callable

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from lightmill.api.core.access import is_allowed, is_public
from lightmill.api.core.problem import ProblemError
from lightmill.api.handlers.problems import of_exception, response
from lightmill.domain.principal import Principal

Identify = Callable[[str | None], Awaitable[Principal]]


class Gate:
    """ASGI middleware: puts the principal into the request's state, or refuses the request."""

    def __init__(self, app: ASGIApp, identify: Identify) -> None:
        self._app = app
        self._identify = identify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or is_public(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            principal = await self._admit(scope)
        except Exception as error:  # noqa: BLE001  # the handlers of the app lie further in
            problem, headers = of_exception(error)
            if problem.status >= 500:  # noqa: PLR2004  # server's own errors
                structlog.get_logger(__name__).error("nobody can log in", exc_info=error)
            await response(problem, scope["path"], headers)(scope, receive, send)
            return
        scope.setdefault("state", {})["principal"] = principal
        with structlog.contextvars.bound_contextvars(
            tenant_id=principal.tenant_id, user_id=principal.user_id
        ):
            await self._app(scope, receive, send)

    async def _admit(self, scope: Scope) -> Principal:
        principal = await self._identify(Headers(scope=scope).get("authorization"))
        if not is_allowed(principal.role, scope["method"], scope["path"]):
            detail = f"a token with the role {principal.role} may not do this"
            raise ProblemError(403, "forbidden", detail)
        return principal

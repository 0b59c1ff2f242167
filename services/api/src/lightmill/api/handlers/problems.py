"""Every error as an RFC 9457 problem document."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.exceptions import HTTPException

from lightmill.api.core.problem import MEDIA_TYPE, FieldError, Problem, ProblemError
from lightmill.storage.ports import ObjectNameError, ObjectNotFoundError, StoreUnavailableError

_LOG = structlog.get_logger(__name__)
_MOST_ERRORS = 100
_CODES = {404: "not-found", 405: "method-not-allowed", 413: "too-large", 400: "bad-request"}
_RETRY_S = "5"
_AWAY = "unavailable"


def response(
    problem: Problem, instance: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return `problem` as an answer to the request for `instance`."""
    return JSONResponse(
        problem.document(instance), problem.status, headers=headers, media_type=MEDIA_TYPE
    )


def of_exception(error: Exception) -> tuple[Problem, Mapping[str, str]]:
    """Return what a client is told of `error`, and the headers that go with it."""
    if isinstance(error, ProblemError):
        return error.problem, error.headers
    if isinstance(error, HTTPException):
        return _http(error), error.headers or {}
    problem = _plain(error)
    return problem, {"Retry-After": _RETRY_S} if problem.code == _AWAY else {}


def _plain(error: Exception) -> Problem:
    match error:
        case RequestValidationError():
            return _validation(error)
        case ObjectNotFoundError() | ObjectNameError():
            return Problem(status=404, code="not-found", detail="there is no such file")
        case StoreUnavailableError():
            return _away("the object store")
        case DBAPIError() | TimeoutError() | ConnectionError():
            return _away("the database")
        case _:
            detail = "something went wrong here; the log has it under the request's id"
            return Problem(status=500, code="internal", detail=detail)


def install(app: FastAPI) -> None:
    """Make `app` answer every error with a problem document."""

    async def answer(request: Request, error: Exception) -> JSONResponse:
        problem, headers = of_exception(error)
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _LOG.error("request failed", code=problem.code, exc_info=error)
        return response(problem, request.url.path, headers)

    kinds: tuple[type[Exception], ...] = (
        ProblemError,
        RequestValidationError,
        HTTPException,
        ObjectNotFoundError,
        ObjectNameError,
        StoreUnavailableError,
        SQLAlchemyError,
    )
    for kind in kinds:
        app.add_exception_handler(kind, answer)


def _away(part: str) -> Problem:
    detail = f"{part} does not answer; nothing was changed that you were not told of: try again"
    return Problem(status=503, code=_AWAY, detail=detail)


def _http(error: HTTPException) -> Problem:
    code = _CODES.get(error.status_code, "http-error")
    return Problem(status=error.status_code, code=code, detail=str(error.detail))


def _validation(error: RequestValidationError) -> Problem:
    found = error.errors()
    errors = [FieldError(_pointer(one["loc"]), _words(one)) for one in found[:_MOST_ERRORS]]
    if any(one["type"] == "json_invalid" for one in found):
        return Problem(
            status=400, code="not-json", detail="the body is not JSON", errors=tuple(errors)
        )
    first = errors[0]
    detail = f"{first.pointer.removeprefix('#/')}: {first.detail}"
    return Problem(status=422, code="invalid-request", detail=detail, errors=tuple(errors))


def _pointer(loc: tuple[int | str, ...]) -> str:
    where, *path = loc or ("body",)
    escaped = [str(part).replace("~", "~0").replace("/", "~1") for part in path]
    if where == "body":
        return "#/" + "/".join(escaped)
    return f"{where}:{'/'.join(escaped)}"


def _words(one: Mapping[str, object]) -> str:
    return str(one["msg"]).removeprefix("Value error, ")

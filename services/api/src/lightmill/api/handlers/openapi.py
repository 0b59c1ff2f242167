"""The OpenAPI document, with what FastAPI does not know of: tokens and problem documents."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from lightmill.api.core.access import is_public
from lightmill.api.core.problem import MEDIA_TYPE
from lightmill.api.handlers.idempotency import keeps_answers

_DESCRIPTION = """\
Lightmill is a self-hosted render farm. Every call needs a token
(`Authorization: Bearer lm_...`). Every error is a problem document (RFC 9457) whose `errors`
name the fields. Lists have `items` and a cursor `next`. A POST with an `Idempotency-Key` may be
repeated. The routes tagged with a seed keep that system's paths, bodies and answers.
"""
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:lightmill:problem:not-found"]},
        "title": {"type": "string", "examples": ["Not Found"]},
        "status": {"type": "integer", "examples": [404]},
        "detail": {"type": "string", "examples": ["there is no such job"]},
        "instance": {"type": "string", "examples": ["/api/v1/jobs/0198"]},
        "code": {"type": "string", "examples": ["not-found"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {"type": "string", "examples": ["#/camera/fov"]},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_ANSWER = {
    "description": "A problem document",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 200},
    "description": "The same key and body again get the first answer",
}


def install(app: FastAPI) -> None:
    """Make `app` serve the completed document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(
                get_openapi(
                    title=app.title,
                    version=app.version,
                    description=_DESCRIPTION,
                    routes=app.routes,
                )
            )
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way


def operation_id(route: APIRoute) -> str:
    """Return the name of an operation that gives none itself."""
    return route.name


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError", "FrameSet", "Run"):
        schemas.pop(unused, None)
    schemas["Problem"] = _PROBLEM
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "lm_<id>_<secret>"}
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete_operation(path, method, operation)
    return document


def _complete_operation(path: str, method: str, operation: dict[str, Any]) -> None:
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = _ANSWER
    if is_public(path):
        return
    operation["security"] = [{"token": []}]
    if method == "post" and keeps_answers(path):
        operation.setdefault("parameters", []).append(_KEY)

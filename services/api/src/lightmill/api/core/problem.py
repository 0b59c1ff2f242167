"""A refusal, as RFC 9457 words it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from typing_extensions import override

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with a request; `pointer` is a JSON pointer such as `#/camera/fov`."""

    pointer: str
    detail: str


class ProblemError(Exception):
    """A request that is refused.

    Attributes:
        code: Stable name of the kind of problem, for programs.
        detail: What is wrong and what to do, for a person.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, code, detail)
        self.problem = Problem(status=status, code=code, detail=detail, errors=tuple(errors))
        self.headers = dict(headers or {})

    @override
    def __str__(self) -> str:
        return f"{self.problem.status} {self.problem.code}: {self.problem.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a client is told."""

    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = field(default=())

    def document(self, instance: str) -> dict[str, object]:
        """Return the problem as JSON; `instance` is the path that was asked."""
        body: dict[str, object] = {
            "type": f"urn:lightmill:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
        }
        if self.errors:
            body["errors"] = [{"pointer": e.pointer, "detail": e.detail} for e in self.errors]
        return body


def missing(what: str) -> ProblemError:
    """Return the answer for what does not exist, and for what belongs to another tenant."""
    return ProblemError(404, "not-found", f"there is no such {what}")


def invalid(field_name: str, detail: str, *, status: int = 422) -> ProblemError:
    """Return the refusal of one field of a body, named by its path such as `camera/up`."""
    error = FieldError(f"#/{field_name}", detail)
    return ProblemError(status, "invalid-request", f"{field_name}: {detail}", errors=(error,))

"""What can go wrong between a client and its farm, in words that say what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from typing_extensions import override


class FarmError(Exception):
    """Root of everything that the client raises by itself."""


class NotLoggedInError(FarmError):
    """Neither the environment nor the configuration file names a farm and a token."""

    @override
    def __str__(self) -> str:
        return (
            "no farm is known: run `lightmill login URL`, or set LIGHTMILL_URL and LIGHTMILL_TOKEN"
        )


class FarmUnreachableError(FarmError):
    """The farm did not answer, or had trouble each time that it was asked."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url = url
        self.reason = reason

    @override
    def __str__(self) -> str:
        return (
            f"no answer from {self.url} ({self.reason}): "
            "check that the farm runs and that the URL is right; nothing is lost by trying again"
        )


class UploadInterruptedError(FarmUnreachableError):
    """A large file was not sent to its end; what has arrived stays there.

    Attributes:
        arrived: Parts that are there.
        count: Parts of the whole file.
    """

    def __init__(self, url: str, reason: str, source: str, arrived: int, count: int) -> None:
        super().__init__(url, reason)
        self.source = source
        self.arrived = arrived
        self.count = count

    @override
    def __str__(self) -> str:
        return (
            f"{self.source}: the object store at {self.url} does not answer ({self.reason}); "
            f"{self.arrived} of {self.count} parts have arrived: "
            "run the same command again and it goes on from there"
        )


class ContentMismatchError(FarmError):
    """What arrived is not what the farm said that it holds."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field of a request that the farm did not accept."""

    field: str
    message: str


class RefusedError(FarmError):
    """The farm understood and said no; built from its RFC 9457 problem document.

    Attributes:
        status: HTTP status.
        code: Stable name of the kind of problem.
        fields: What is wrong with which field.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        *,
        code: str = "",
        fields: Sequence[FieldProblem] = (),
    ) -> None:
        super().__init__(status, title, detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.code = code
        self.remedy = _REMEDIES.get(status, "")
        self.fields = tuple(fields)

    @override
    def __str__(self) -> str:
        lines = [self.detail or self.title]
        told = [f"{problem.field}: {problem.message}" for problem in self.fields]
        lines += [f"  {line}" for line in told if line not in lines]
        if self.remedy:
            lines.append(f"  → {self.remedy}")
        return "\n".join(lines)


class JobFailedError(FarmError):
    """A job that was waited for ended without all of its frames."""

    def __init__(self, job_id: str, status: str, error: str | None) -> None:
        super().__init__(job_id, status, error)
        self.job_id = job_id
        self.status = status
        self.error = error

    @override
    def __str__(self) -> str:
        return (
            f"job {self.job_id} is {self.status}: {self.error or 'no reason given'}; "
            f"see `lightmill job show {self.job_id}`, then `lightmill job retry {self.job_id}`"
        )


_REMEDIES = {
    401: "the token is missing, wrong or expired: run `lightmill login` again",
    403: "this token may not do that: ask for one with another role",
    404: "check the id; what belongs to another tenant is not to be seen either",
    413: "the farm's limit on size is lower than this",
    429: "too many requests: wait and try again",
}


def refusal(status: int, reason: str, problem: object) -> RefusedError:
    """Return the error that a problem document, or whatever came instead of one, stands for."""
    if not isinstance(problem, Mapping):
        return RefusedError(status, f"{status} {reason}")
    return RefusedError(
        status,
        str(problem.get("title") or f"{status} {reason}"),
        str(problem.get("detail") or ""),
        code=str(problem.get("code") or ""),
        fields=_fields(problem.get("errors")),
    )


def _fields(errors: object) -> list[FieldProblem]:
    if not isinstance(errors, list):
        return []
    return [
        FieldProblem(
            str(error.get("pointer", "")).removeprefix("#/") or "body",
            str(error.get("detail", "")),
        )
        for error in errors
        if isinstance(error, Mapping)
    ]

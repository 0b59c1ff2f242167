"""Versions in headers, where two people may edit the same."""

from typing import Annotated

from fastapi import Header

from lightmill.api.core.problem import ProblemError

IfMatch = Annotated[str | None, Header(description="ETag of what you have read")]


def expected(if_match: str | None) -> int | None:
    """Return the version that a change is to follow, or None when any will do.

    Raises:
        ProblemError: the header is none that this api has sent.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit()):
        raise ProblemError(412, "changed-meanwhile", "If-Match: send the ETag of GET")
    return int(text)


def changed_meanwhile(what: str) -> ProblemError:
    """Return the refusal of a change to what is no longer as it was read."""
    detail = f"somebody has changed the {what} since you read it: read it again"
    return ProblemError(412, "changed-meanwhile", detail)

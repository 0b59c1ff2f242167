"""Where the next page of a list begins, as a word that only the api reads."""

import base64
import binascii
import json
from datetime import datetime

from lightmill.api.core.problem import ProblemError

Mark = str | int


def encode(*marks: Mark | datetime) -> str:
    """Return the cursor of a page that begins after `marks`, the sort key of its last row."""
    plain = [mark.isoformat() if isinstance(mark, datetime) else mark for mark in marks]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def decode(cursor: str, *kinds: type) -> tuple[Mark, ...]:
    """Return the sort key that `cursor` holds, one value for each of `kinds` (str or int).

    Raises:
        ProblemError: no list has given this cursor.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        marks = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        marks = None
    if not isinstance(marks, list) or [type(mark) for mark in marks] != list(kinds):
        raise unreadable()
    return tuple(marks)


def moment(mark: Mark) -> datetime:
    """Return the time in a cursor.

    Raises:
        ProblemError: it is none.
    """
    try:
        found = datetime.fromisoformat(str(mark))
    except ValueError:
        raise unreadable() from None
    if found.tzinfo is None:
        raise unreadable()
    return found


def unreadable() -> ProblemError:
    """Return the refusal of a cursor that no list has given."""
    detail = "cursor: take it from `next` of the page before, or leave it out"
    return ProblemError(422, "invalid-cursor", detail)

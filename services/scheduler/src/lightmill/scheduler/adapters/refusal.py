"""What a database says when it will never take a value, however often it is asked."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from lightmill.scheduler.ports import NotLeaderError, RefusedError

_VALUE_STATES = ("22", "23")
"""Classes of SQLSTATE: data exceptions, and broken constraints."""

_VALUE_NUMBERS = frozenset({1267, 1364, 1366, 3819, 3854, 3988})
"""MySQL's of the general state HY000: collations that do not mix, no default, a wrong string, a
broken check, and strings that cannot be converted."""

_IN_PYTHON = (ValueError, TypeError, OverflowError)
"""What writing a value as JSON or for the driver raises."""


@contextmanager
def telling() -> Iterator[None]:
    """Raise what the database answers as one of the errors of the port.

    Errors of the schema or of permissions say nothing about a job, and count as all others.

    Raises:
        RefusedError: a value was refused.
        NotLeaderError: anything else went wrong.
    """
    try:
        yield
    except (SQLAlchemyError, OSError, *_IN_PYTHON) as error:
        if _is_refusal(error):
            raise RefusedError(_said(error)) from error
        raise NotLeaderError(f"the commit failed, or its outcome is unknown: {error}") from error


def _is_refusal(error: Exception) -> bool:
    if isinstance(error, DataError | IntegrityError):
        return True
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        number = next(iter(getattr(error.orig, "args", ())), None)
        return state.startswith(_VALUE_STATES) or number in _VALUE_NUMBERS
    if isinstance(error, StatementError):
        return isinstance(error.orig, _IN_PYTHON)
    return isinstance(error, _IN_PYTHON)


def _said(error: Exception) -> str:
    """Return what was said, without the statement, as text that any row can hold."""
    said = error.orig if isinstance(error, StatementError) and error.orig else error
    return f"{type(said).__name__}: {said}".encode("utf-8", "replace").decode()

"""Exit codes, which scripts may rely on."""

from enum import IntEnum

from lightmill.client.config import ConfigError
from lightmill.client.errors import (
    FarmError,
    FarmUnreachableError,
    JobFailedError,
    NotLoggedInError,
    RefusedError,
)


class Exit(IntEnum):
    """What the command ends with; 2 is a wrong command line."""

    OK = 0
    JOB_FAILED = 1
    USAGE = 2
    NOT_ADMITTED = 3
    NOT_FOUND = 4
    REFUSED = 5
    UNREACHABLE = 6


_BY_STATUS = {401: Exit.NOT_ADMITTED, 403: Exit.NOT_ADMITTED, 404: Exit.NOT_FOUND}
_SERVER_ERROR = 500


def exit_code(error: FarmError) -> Exit:
    """Return what the command ends with after `error`."""
    match error:
        case JobFailedError():
            return Exit.JOB_FAILED
        case NotLoggedInError() | ConfigError():
            return Exit.NOT_ADMITTED
        case FarmUnreachableError():
            return Exit.UNREACHABLE
        case RefusedError() if error.status >= _SERVER_ERROR:
            return Exit.UNREACHABLE
        case RefusedError():
            return _BY_STATUS.get(error.status, Exit.REFUSED)
        case _:
            return Exit.REFUSED

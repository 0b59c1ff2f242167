"""Jobs whose spec no scheduler can read."""

from collections.abc import Mapping

from pydantic import ValidationError

UNREADABLE = (ValueError, TypeError, KeyError, IndexError)
"""What reading a spec raises that is not one."""


class UnreadableJobsError(Exception):
    """Some of the jobs that were asked for cannot be read; `reasons` by the job's id."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__(", ".join(reasons))
        self.reasons = reasons


def reason(error: Exception) -> str:
    """Return in one line what is wrong with a spec."""
    if not isinstance(error, ValidationError):
        return repr(error)
    faults = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in faults)

"""What went wrong, told once for all its occurrences (seed 003)."""

import re
from dataclasses import dataclass

_LENGTH = 500
_VARYING = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b"), "<id>"),
    (re.compile(r"(?:[A-Za-z]:)?(?:[/\\][^\s/\\:'\"]+)+"), "<path>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<address>"),
    (re.compile(r"\d+"), "<n>"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReport:
    """One occurrence of an error.

    Attributes:
        kind: Kind of failure of an attempt, or the class of an exception.
        message: What a person reads first.
        stack: Everything that was said about it.
    """

    kind: str
    message: str
    stack: str

    @property
    def normalised(self) -> str:
        """Return the message without what differs from one occurrence to the next."""
        text = self.message.strip().splitlines()[-1] if self.message.strip() else ""
        for pattern, name in _VARYING:
            text = pattern.sub(name, text)
        return text[:_LENGTH]

"""Why an attempt failed, and what follows from it."""

from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    """The cause of a failed attempt."""

    ENGINE = "engine"
    OUT_OF_MEMORY = "out_of_memory"
    TIMEOUT = "timeout"
    MISSING_FILE = "missing_file"
    LICENCE = "licence"
    OUTPUT = "output"
    NODE = "node"
    CANCELLED = "cancelled"


FINAL = frozenset({FailureKind.MISSING_FILE})
FREE = frozenset({FailureKind.LICENCE, FailureKind.NODE})


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how soon a frame is tried again.

    The waits double: 1, 2, 4 s with the defaults, each varied by `jitter` (seed 003).
    """

    retries: int = 3
    first_wait: float = 1.0
    jitter: float = 0.1

    def wait(self, failures: int, draw: float) -> float:
        """Return the seconds to wait after the `failures`-th failure; `draw` is in [0, 1)."""
        wait: float = self.first_wait * 2.0 ** (failures - 1)
        return wait * (1 + self.jitter * (2 * draw - 1))

    def allows(self, failures: int, kind: FailureKind) -> bool:
        """Tell whether a frame that failed `failures` times may be tried again."""
        return kind not in FINAL and (kind in FREE or failures <= self.retries)

"""Why frames fail that no fault of the weather strikes: what they are, and where they render."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lightmill.domain.failures import FailureKind
from lightmill.messages.orders import Assignment
from lightmill.scheduler.simulation.commissions import Commission
from lightmill.scheduler.simulation.kernel import Kernel


@dataclass(kw_only=True)
class Troubles:
    """Says of a frame that has been rendered whether it failed, and how.

    Attributes:
        until: Second after which frames fail for want of memory and on sick machines alone.
        work: By job, what it is.
        sick: By machine, the share of the frames that fail there.
    """

    kernel: Kernel
    until: float
    work: Mapping[str, Commission]
    sick: dict[str, float] = field(default_factory=dict)

    def __call__(self, machine: str, assignment: Assignment) -> FailureKind | None:
        """Return how a frame of this assignment failed on that machine, or None."""
        work = self.work.get(assignment.job_id)
        kind = None if work is None else work.kind
        if kind is not None and assignment.ram < kind.appetite:
            return FailureKind.OUT_OF_MEMORY
        if machine in self.sick and self.kernel.chance(self.sick[machine]):
            return FailureKind.ENGINE
        if kind is None or self.kernel.seconds > self.until:
            return None
        struck = (name for name, share in kind.fails.items() if self.kernel.chance(share))
        return next((FailureKind(name) for name in struck), None)

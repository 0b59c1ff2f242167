"""What tasks ask of a machine, as the planner weighs it: steps that ask alike are one demand."""

from dataclasses import dataclass, field

from lightmill.domain.resources import Needs, obstacle
from lightmill.scheduler.core.kind import Kind


@dataclass(slots=True, eq=False, weakref_slot=True)
class Demand:
    """Needs of tasks of one engine, compared by identity.

    Attributes:
        least_ram: Bytes that the whole machine has to have: what ran out of memory asks for more.
        kinds: Machines that could meet it, were they free.
        served_at: Tick at which a task that asks this was last handed out.
    """

    needs: Needs
    engine: str
    least_ram: int = 0
    kinds: list[Kind] = field(default_factory=list)
    served_at: int = 0

    def obstacle(self, kind: Kind) -> str | None:
        """Return the first need that machines of `kind` could never meet, or None."""
        if self.least_ram > kind.offer.ram:
            return f"{self.least_ram} bytes of RAM"
        return obstacle(self.needs, self.engine, kind.offer)

    def cores(self, kind: Kind) -> int:
        """Return the processors of one task on a machine of `kind`."""
        return kind.offer.cores if self.needs.whole_machine else self.needs.cores or 1

    def ram(self, kind: Kind) -> int:
        """Return the bytes of one task there: of what it did not state, a fair share."""
        offer, needs = kind.offer, self.needs
        if needs.whole_machine:
            return offer.ram
        if needs.ram is not None:
            return needs.ram
        return offer.ram * (needs.cores or 1) // offer.cores

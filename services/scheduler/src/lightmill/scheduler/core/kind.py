"""Machines that offer the same, by what is free on them."""

from dataclasses import dataclass, field

from lightmill.domain.resources import Offer
from lightmill.scheduler.core.machine import Node, Room, Soon

Place = dict[str, Node]


@dataclass(slots=True, eq=False)
class Kind:
    """Machines that offer the same.

    Attributes:
        rooms: By what is free on them: machines on which something may start at once.
        behind: By what is free once their smallest task ends: busy machines that may take one
            order more.
        kept: Cores and bytes of RAM kept free beside each free device for work that needs it.
        least: Cores and bytes of RAM of the smallest work that waits and could run here.
        price: How much work, for each core that it could use, competes for these machines.
    """

    offer: Offer
    nodes: Place = field(default_factory=dict)
    rooms: dict[Room, Place] = field(default_factory=dict)
    behind: dict[Soon, Place] = field(default_factory=dict)
    kept: tuple[int, int] = (0, 0)
    least: Soon = (0, 0)
    price: float = 0.0

    @property
    def open(self) -> bool:
        """Whether any of these machines takes another order."""
        return bool(self.rooms or self.behind)

"""What machines have, all together."""

from dataclasses import dataclass

from lightmill.domain.resources import Offer


@dataclass(slots=True)
class Total:
    """What all machines that take work have; `ram` in bytes."""

    cores: int = 0
    ram: int = 0
    gpus: int = 0

    def add(self, offer: Offer, sign: int) -> None:
        """Count machines that come (1 for each) or go (-1)."""
        self.cores += sign * offer.cores
        self.ram += sign * offer.ram
        self.gpus += sign * len(offer.gpus)

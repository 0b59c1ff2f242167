"""What running attempts were granted, and what is left beside them."""

from collections.abc import Collection
from dataclasses import dataclass

from lightmill.domain.resources import GIB, Offer
from lightmill.messages.orders import Assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The part of the machine that one attempt may use; `ram` in bytes, `gpus` are indices."""

    cores: int
    ram: int
    gpus: tuple[int, ...] = ()

    @staticmethod
    def of(assignment: Assignment) -> "Grant":
        """Return what the leader granted to the assignment."""
        return Grant(cores=assignment.cores, ram=assignment.ram, gpus=assignment.gpus)

    def fits(self, offer: Offer, beside: Collection["Grant"]) -> bool:
        """Tell whether this grant can be used on a machine beside those in use."""
        taken = {gpu for grant in beside for gpu in grant.gpus}
        return (
            self.cores + sum(grant.cores for grant in beside) <= offer.cores
            and self.ram + sum(grant.ram for grant in beside) <= offer.ram
            and taken.isdisjoint(self.gpus)
        )

    def excess(self, offer: Offer) -> str | None:
        """Return in words what the machine does not have at all, or None."""
        if self.cores > offer.cores:
            return f"{self.cores} cores granted, {offer.cores} are here"
        if self.ram > offer.ram:
            return f"{self.ram / GIB:.1f} GB RAM granted, {offer.ram / GIB:.1f} are here"
        unknown = set(self.gpus) - {gpu.index for gpu in offer.gpus}
        return f"no GPU with index {min(unknown)}" if unknown else None

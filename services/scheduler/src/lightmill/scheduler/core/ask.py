"""What one task asks of a machine, in numbers, and what a machine has free for it."""

from dataclasses import dataclass

from lightmill.domain.resources import Needs, Offer, devices

Room = tuple[int, int, int, int]
"""Free cores, bytes of RAM, devices, bytes of disk."""

Soon = tuple[int, int]
"""Cores and bytes of RAM that are free as soon as any one task has ended."""

NOTHING_KEPT: Soon = (0, 0)

_HAIR = 1e-9
"""What rounding may make of two shares that are equal."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What one task asks of machines of one kind; `ram`, `disk` in bytes.

    Attributes:
        whole: It shares the machine with nobody.
        devices: Indices of those that serve it, the smallest first.
        weights: How much a free core, and a free byte of RAM, counts for it.
        step: By how much it makes a machine less free, but for a hair of rounding.
    """

    cores: int
    ram: int
    gpus: int
    disk: int
    whole: bool
    devices: tuple[int, ...]
    weights: tuple[float, float]
    step: float

    def fits(self, room: Room, kept: tuple[int, int]) -> bool:
        """Tell whether it fits by number, beside what is kept for each free device."""
        gpus = room[2]
        return (
            room[0] >= self.cores + kept[0] * gpus
            and room[1] >= self.ram + kept[1] * gpus
            and gpus >= self.gpus
            and room[3] >= self.disk
        )

    def freedom(self, room: Room) -> float:
        """Return the free share of what it needs most there (Tetris' alignment)."""
        cores, ram = self.weights
        return room[0] * cores + room[1] * ram


def ask_of(needs: Needs, offer: Offer) -> Ask:
    """Return what one task asks of a machine that offers this."""
    cores = offer.cores if needs.whole_machine else needs.cores or 1
    ram = _ram(needs, offer)
    share = cores / max(1, offer.cores)
    share_ram = ram / max(1, offer.ram)
    weight = max(share + share_ram, _HAIR)
    return Ask(
        cores=cores,
        ram=ram,
        gpus=needs.gpus,
        disk=needs.disk,
        whole=needs.whole_machine,
        devices=devices(needs, offer.gpus),
        weights=(share / weight / max(1, offer.cores), share_ram / weight / max(1, offer.ram)),
        step=(share * share + share_ram * share_ram) / weight - _HAIR,
    )


def _ram(needs: Needs, offer: Offer) -> int:
    if needs.whole_machine:
        return offer.ram
    if needs.ram is not None:
        return needs.ram
    return offer.ram * (needs.cores or 1) // offer.cores

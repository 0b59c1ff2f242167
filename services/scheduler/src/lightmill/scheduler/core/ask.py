"""What one task asks of a machine, in numbers, and what a machine has free for it."""

from collections.abc import Iterable
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
class Grant:
    """Resources of one node for one attempt; `ram`, `disk` in bytes, `gpus` as device indices."""

    cores: int
    ram: int
    gpus: tuple[int, ...]
    disk: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """What one task asks of machines of one kind; `ram`, `disk` in bytes.

    Attributes:
        whole: It shares the machine with nobody.
        devices: Indices of those that serve it, the smallest first.
        weights: How much a free core, and a free byte of RAM, counts for it.
        step: By how much it makes a machine less free, but for a hair of rounding.
        grant: What it gets, unless that is the whole machine or devices.
    """

    cores: int
    ram: int
    gpus: int
    disk: int
    whole: bool
    devices: tuple[int, ...]
    weights: tuple[float, float]
    step: float
    grant: Grant

    def fits(self, room: Room, kept: tuple[int, int]) -> bool:
        """Tell whether it fits by number, beside what is kept for each free device."""
        gpus = room[2]
        return (
            room[0] >= self.cores + kept[0] * gpus
            and room[1] >= self.ram + kept[1] * gpus
            and gpus >= self.gpus
            and room[3] >= self.disk
        )

    def freest(self, rooms: Iterable[Room], kept: tuple[int, int], than: float) -> Room | None:
        """Return the first of the freest `rooms` where it fits, if that is freer than this."""
        found, (cores, ram) = None, self.weights
        for room in rooms:
            free = room[0] * cores + room[1] * ram  # `freedom`, of which a call takes as long
            if free > than and self.fits(room, kept):
                found, than = room, free
        return found

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
        grant=Grant(cores, ram, (), needs.disk),
    )


def _ram(needs: Needs, offer: Offer) -> int:
    if needs.whole_machine:
        return offer.ram
    if needs.ram is not None:
        return needs.ram
    return offer.ram * (needs.cores or 1) // offer.cores

"""The schedulers to beat: first come, first served on the first or on the tightest machine."""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from deciding.mixes import Mix

from lightmill.domain.resources import Needs, Offer


@dataclass(slots=True, eq=False)
class Room:
    """What is free on one machine."""

    offer: Offer
    cores: int
    ram: int
    gpus: int

    def holds(self, needs: Needs) -> bool:
        """Tell whether a task fits now."""
        return (
            (needs.cores or 0) <= self.cores
            and (needs.ram or 0) <= self.ram
            and needs.gpus <= self.gpus
        )

    def take(self, needs: Needs, sign: int) -> None:
        """Let a task come (1) or go (-1)."""
        self.cores -= sign * (needs.cores or 0)
        self.ram -= sign * (needs.ram or 0)
        self.gpus -= sign * needs.gpus


Choose = Callable[[Iterable[Room]], Room | None]


def first_fit(rooms: Iterable[Room]) -> Room | None:
    """Return the first machine of those that fit."""
    return next(iter(rooms), None)


def best_fit(rooms: Iterable[Room]) -> Room | None:
    """Return the machine of which the least is left over."""
    return min(rooms, key=_left_over, default=None)


def makespan(mix: Mix, choose: Choose) -> float:
    """Return when the last frame ends if whatever came first goes first, wherever it fits."""
    rooms = [Room(offer, offer.cores, offer.ram, len(offer.gpus)) for offer in mix.offers]
    waiting = [(order, iter(order.seconds)) for order in mix.orders]
    ends: list[tuple[float, int, Room, Needs]] = []
    now, number = 0.0, 0
    while waiting or ends:
        left = []
        full: set[Needs] = set()
        for order, frames in waiting:
            done = False
            while order.needs not in full and not done:
                room = choose(room for room in rooms if room.holds(order.needs))
                seconds = next(frames, None) if room else None
                if room is None:
                    full.add(order.needs)
                elif seconds is None:
                    done = True
                else:
                    room.take(order.needs, 1)
                    number += 1
                    heapq.heappush(ends, (now + seconds, number, room, order.needs))
            if not done:
                left.append((order, frames))
        waiting = left
        now = _let_end(ends) if ends else now
    return now


def _let_end(ends: list[tuple[float, int, Room, Needs]]) -> float:
    now = ends[0][0]
    while ends and ends[0][0] == now:
        _, _, room, needs = heapq.heappop(ends)
        room.take(needs, -1)
    return now


def _left_over(room: Room) -> float:
    offer = room.offer
    gpus = room.gpus / len(offer.gpus) if offer.gpus else 0.0
    return room.cores / offer.cores + room.ram / offer.ram + gpus

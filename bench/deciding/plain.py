"""The schedulers to beat: first come, first served on the first or on the tightest machine."""

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count

from deciding.mixes import Mix, Order
from deciding.sharing import Sharing

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


_End = tuple[float, int, Room, Order]
Choose = Callable[[Iterable[Room]], Room | None]


def first_fit(rooms: Iterable[Room]) -> Room | None:
    """Return the first machine of those that fit."""
    return next(iter(rooms), None)


def best_fit(rooms: Iterable[Room]) -> Room | None:
    """Return the machine of which the least is left over."""
    return min(rooms, key=_left_over, default=None)


def makespan(mix: Mix, choose: Choose) -> tuple[float, Sharing]:
    """Return when the last frame ends if whatever came first goes first, wherever it fits."""
    rooms = [Room(offer, offer.cores, offer.ram, len(offer.gpus)) for offer in mix.offers]
    waiting = [(order, deque(order.seconds)) for order in mix.orders]
    ends: list[_End] = []
    number, sharing = count(), Sharing(mix)
    now = 0.0
    while waiting or ends:
        full: set[Needs] = set()
        for order, frames in waiting:
            while frames and order.needs not in full:
                room = choose(room for room in rooms if room.holds(order.needs))
                if room is None:
                    full.add(order.needs)
                else:
                    room.take(order.needs, 1)
                    sharing.hold(order, 1)
                    heapq.heappush(ends, (now + frames.popleft(), next(number), room, order))
        waiting = [(order, frames) for order, frames in waiting if frames]
        sharing.look(order for order, _ in waiting)
        now = _let_end(ends, sharing)
    return now, sharing


def _let_end(ends: list[_End], sharing: Sharing) -> float:
    """Let pass the time until something ends, and return what time it is then."""
    now = ends[0][0]
    sharing.until(now)
    while ends and ends[0][0] == now:
        _, _, room, order = heapq.heappop(ends)
        room.take(order.needs, -1)
        sharing.hold(order, -1)
    return now


def _left_over(room: Room) -> float:
    offer = room.offer
    gpus = room.gpus / len(offer.gpus) if offer.gpus else 0.0
    return room.cores / offer.cores + room.ram / offer.ram + gpus

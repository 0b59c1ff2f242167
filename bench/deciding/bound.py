"""Seconds that no schedule of some work on some machines can beat.

Weak duality of the configuration program: give a second of every kind of task any value. A
machine never runs more at once than fits, so it never earns more in a second than the best set of
tasks that fits is worth; all the work has its value to earn, and so it takes at least the one by
the other. That holds for every choice of values; good ones are looked for.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, sqrt

from lightmill.domain.resources import Needs, Offer

_ROUNDS = 300
_STEP = 0.5
_LITTLE = 1e-3
_RESOURCES: tuple[Callable[[Needs], float], ...] = (
    lambda needs: needs.cores or 0,
    lambda needs: needs.ram or 0,
    lambda needs: needs.gpus,
)

_Room = tuple[int, int, int]
_Values = dict[Needs, float]
_Set = tuple[int, ...]


@dataclass(slots=True)
class Program:
    """Seconds of each kind of task, and for each kind of machine the sets of tasks that fit.

    Attributes:
        machines: How many machines run one of these sets at a time.
    """

    work: Mapping[Needs, float]
    machines: list[tuple[int, list[_Set]]]

    @classmethod
    def of(cls, work: Mapping[Needs, float], offers: Sequence[Offer]) -> "Program":
        """Return the program of this work on these machines."""
        rooms = Counter((offer.cores, offer.ram, len(offer.gpus)) for offer in offers)
        return cls(work, [(n, list(_sets(room, list(work)))) for room, n in rooms.items()])

    def bound(self) -> float:
        """Return the best bound that was found."""
        starts = list(self._starts())
        found, _, best = max((self._earned(start)[0], n, start) for n, start in enumerate(starts))
        return max(found, *(self._improved(values, found) for values in (starts[0], best)))

    def _improved(self, values: _Values, best: float) -> float:
        """Return the best bound on the way from `values` to where all that is earned is done.

        What is done too little of, where the most is earned, becomes dearer (multiplicative
        weights).
        """
        values = {needs: value or _LITTLE for needs, value in values.items()}
        for number in range(1, _ROUNDS + 1):
            bound, rates = self._earned(values)
            best = max(best, bound)
            for needs, seconds in self.work.items():
                short = 1 - best * rates[needs] / seconds
                values[needs] *= exp(_STEP / sqrt(number) * max(-1.0, short))
        return best

    def _starts(self) -> Iterator[_Values]:
        """Yield values to begin with: of one kind of task each, and of one resource each.

        A resource counts for all tasks, or for those alone that no more machines can do than some
        kind of task.
        """
        slots = {needs: self._slots(needs) for needs in self.work}
        able = {needs: self._able(needs) for needs in self.work}
        yield {needs: 1 / slots[needs] for needs in self.work}
        for one in self.work:
            yield {needs: float(needs is one) for needs in self.work}
        for of in _RESOURCES:
            most = max(of(needs) for needs in self.work) or 1.0
            for few in set(able.values()):
                values = {one: of(one) / most if able[one] <= few else 0.0 for one in self.work}
                if any(values.values()):
                    yield values

    def _able(self, needs: Needs) -> frozenset[int]:
        """Return which kinds of machines can do such a task at all."""
        place = list(self.work).index(needs)
        kinds = enumerate(self.machines)
        return frozenset(n for n, (_, sets) in kinds if any(fit[place] for fit in sets))

    def _slots(self, needs: Needs) -> float:
        place = list(self.work).index(needs)
        return sum(n * max(fitting[place] for fitting in sets) for n, sets in self.machines)

    def _earned(self, values: _Values) -> tuple[float, _Values]:
        """Return the bound that these values give, and how much is done where they are earned."""
        prices = list(values.values())
        rates = dict.fromkeys(values, 0.0)
        most = 0.0
        for number, sets in self.machines:
            worth, chosen = max(
                (sum(n * price for n, price in zip(fitting, prices, strict=True)), fitting)
                for fitting in sets
            )
            most += number * worth
            for needs, count in zip(values, chosen, strict=True):
                rates[needs] += number * count
        all_ = sum(values[needs] * seconds for needs, seconds in self.work.items())
        return all_ / most, rates


def _sets(room: _Room, needs: Sequence[Needs]) -> Iterator[_Set]:
    """Yield how many of each fit at once; of the last, as many as there is room for."""
    if not needs:
        yield ()
        return
    first, *others = needs
    most = _at_once(first, room)
    for count in range(most + 1) if others else (most,):
        for more in _sets(_without(room, first, count), others):
            yield count, *more


def _at_once(needs: Needs, room: _Room) -> int:
    asked = (needs.cores or 0, needs.ram or 0, needs.gpus)
    return min(free // wanted for free, wanted in zip(room, asked, strict=True) if wanted)


def _without(room: _Room, needs: Needs, count: int) -> _Room:
    cores, ram, gpus = room
    return (
        cores - count * (needs.cores or 0),
        ram - count * (needs.ram or 0),
        gpus - count * needs.gpus,
    )

"""Farms and the work on them, drawn from a seed: what references call mixes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from lightmill.domain.resources import GIB, Gpu, Needs, Offer

ENGINE = "simulated"
_SERVES: Mapping[str, tuple[str, ...]] = {ENGINE: ("1",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A job: so many frames that all take about `seconds`, each drawn beforehand."""

    id: str
    user: str
    needs: Needs
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """A farm and everything that it is asked for at once, in the order of its coming."""

    name: str
    offers: tuple[Offer, ...]
    orders: tuple[Order, ...]

    def lower_bound(self) -> float:
        """Return seconds that no schedule can beat.

        Whatever is asked of processors, memory or devices by what only some machines can serve
        has to go through those machines; no frame is split, and none begins before it fits.
        """
        bound = max(max(order.seconds) for order in self.orders)
        for needs in {order.needs for order in self.orders}:
            seconds = sum(sum(order.seconds) for order in self.orders if order.needs == needs)
            bound = max(bound, seconds / sum(at_once(needs, offer) for offer in self.offers))
        for able in {self._able(order.needs) for order in self.orders}:
            inside = [order for order in self.orders if self._able(order.needs) <= able]
            bound = max(bound, *(self._time(inside, able, of) for of in _DIMENSIONS))
        return bound

    def _able(self, needs: Needs) -> frozenset[int]:
        return frozenset(n for n, offer in enumerate(self.offers) if fits(needs, offer))

    def _time(self, orders: Sequence[Order], able: frozenset[int], of: "_Dimension") -> float:
        have = sum(of[1](self.offers[n]) for n in able)
        work = sum(of[0](order.needs) * sum(order.seconds) for order in orders)
        return work / have if have else 0.0


_Dimension = tuple[Callable[[Needs], float], Callable[[Offer], float]]
_DIMENSIONS: tuple[_Dimension, ...] = (
    (lambda needs: needs.cores or 0, lambda offer: offer.cores),
    (lambda needs: needs.ram or 0, lambda offer: offer.ram),
    (lambda needs: needs.gpus, lambda offer: len(offer.gpus)),
)


def fits(needs: Needs, offer: Offer) -> bool:
    """Tell whether an idle machine could do it."""
    return (
        (needs.cores or 0) <= offer.cores
        and (needs.ram or 0) <= offer.ram
        and needs.gpus <= len(offer.gpus)
    )


def at_once(needs: Needs, offer: Offer) -> int:
    """Return how many of such tasks an idle machine could do side by side."""
    pairs = (
        (needs.cores or 0, offer.cores),
        (needs.ram or 0, offer.ram),
        (needs.gpus, len(offer.gpus)),
    )
    return min(have // asked for asked, have in pairs if asked)


def many_small(random: Random) -> Mix:
    """Return 300 short jobs of 20 users on 40 machines that differ in size."""
    return Mix(
        name="many small",
        offers=_machines(random, 40, ((8, 32, 0), (16, 64, 0), (32, 128, 0))),
        orders=tuple(
            _job(random, n, users=20, frames=(10, 60), seconds=(5.0, 40.0), needs=_LIGHT)
            for n in range(300)
        ),
    )


def islands(random: Random) -> Mix:
    """Return work of very different memory on unequal machines, a fifth of them with GPUs."""
    machines = _machines(random, 40, ((16, 32, 0), (16, 64, 0), (32, 192, 0)))
    return Mix(
        name="RAM and GPU islands",
        offers=machines + _machines(random, 10, ((16, 96, 2), (32, 128, 4))),
        orders=tuple(
            _job(random, n, users=10, frames=(20, 120), seconds=(20.0, 120.0), needs=_MIXED)
            for n in range(160)
        ),
    )


def heavy_tail(random: Random) -> Mix:
    """Return 300 jobs of which the largest hundredth is most of the work, as on Borg in 2019."""
    jobs = [
        _job(random, n, users=12, frames=(3, 25), seconds=(10.0, 90.0), needs=_MIXED)
        for n in range(297)
    ]
    giants = [
        _job(random, 297 + n, users=12, frames=(2500, 4500), seconds=(30.0, 120.0), needs=_LIGHT)
        for n in range(3)
    ]
    random.shuffle(both := jobs + giants)
    machines = _machines(random, 30, ((16, 64, 0), (32, 128, 0)))
    return Mix(
        name="heavy tail",
        offers=machines + _machines(random, 6, ((16, 96, 2),)),
        orders=tuple(both),
    )


MIXES: tuple[Callable[[Random], Mix], ...] = (many_small, islands, heavy_tail)

_LIGHT = ((1, 2, 0), (2, 4, 0), (4, 8, 0))
_MIXED = ((1, 4, 0), (4, 8, 0), (4, 28, 0), (8, 24, 0), (12, 120, 0), (2, 12, 1), (4, 24, 2))


def _machines(
    random: Random, number: int, kinds: Sequence[tuple[int, int, int]]
) -> tuple[Offer, ...]:
    return tuple(
        Offer(
            cores=cores,
            ram=ram * GIB,
            gpus=tuple(Gpu(index=index, vram=16 * GIB) for index in range(gpus)),
            engines=_SERVES,
        )
        for cores, ram, gpus in random.choices(kinds, k=number)
    )


def _job(
    random: Random,
    number: int,
    *,
    users: int,
    frames: tuple[int, int],
    seconds: tuple[float, float],
    needs: Sequence[tuple[int, int, int]],
) -> Order:
    cores, ram, gpus = random.choice(needs)
    middle = random.uniform(*seconds)
    return Order(
        id=f"job{number:04}",
        user=f"user{random.randrange(users):02}",
        needs=Needs(cores=cores, ram=ram * GIB, gpus=gpus),
        seconds=tuple(
            round(middle * random.uniform(0.8, 1.2), 3) for _ in range(random.randint(*frames))
        ),
    )

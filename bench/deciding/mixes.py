"""Farms and the work on them, drawn from a seed: what references call mixes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from deciding.bound import Program

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

        No frame is split or takes less than its time, and no machine runs more at once than fits.
        """
        work: dict[Needs, float] = {}
        # The large go first: what is counted last is counted out rather than tried.
        for order in sorted(self.orders, key=_size, reverse=True):
            work[order.needs] = work.get(order.needs, 0.0) + sum(order.seconds)
        longest = max(max(order.seconds) for order in self.orders)
        return max(longest, Program.of(work, self.offers).bound())


def _size(order: Order) -> tuple[int, int, int]:
    needs = order.needs
    return needs.gpus, needs.ram or 0, needs.cores or 0


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

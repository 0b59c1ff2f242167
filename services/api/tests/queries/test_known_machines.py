"""Machines are not read anew for every job."""

from services.api.tests.conftest import SteppedClock

from lightmill.api.queries.known_machines import KEPT_S, KnownMachines
from lightmill.domain.resources import Offer


class Machines:
    def __init__(self, *cores: int) -> None:
        self.cores = list(cores)
        self.read = 0

    async def offers(self, *, fresh: bool = False) -> list[Offer]:
        del fresh
        self.read += 1
        return [Offer(cores=cores, ram=2**30, engines={}) for cores in self.cores]


async def test_they_are_read_once_for_the_jobs_of_a_moment() -> None:
    machines, clock = Machines(4), SteppedClock()
    known = KnownMachines(machines, clock)
    assert await known.offers() == await known.offers()
    assert machines.read == 1
    clock.pass_time(KEPT_S)
    await known.offers()
    assert machines.read == 2


async def test_who_has_to_know_reads_them_again() -> None:
    machines = Machines(4)
    known = KnownMachines(machines, SteppedClock())
    await known.offers()
    machines.cores.append(8)
    assert [offer.cores for offer in await known.offers()] == [4]
    assert [offer.cores for offer in await known.offers(fresh=True)] == [4, 8]
    assert [offer.cores for offer in await known.offers()] == [4, 8]


async def test_the_first_machine_of_a_farm_counts_at_once() -> None:
    machines = Machines()
    known = KnownMachines(machines, SteppedClock())
    assert await known.offers() == []
    machines.cores.append(8)
    assert [offer.cores for offer in await known.offers()] == [8]

"""When a commit is refused, the job at fault fails, and no other."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from itertools import count

import pytest
from services.scheduler.tests.use_cases.test_turns import SlowLedger, asks, wanted
from typing_extensions import override

from lightmill.runtime.clock import SystemClock
from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.core.part import jobs_of, part
from lightmill.scheduler.ports import NotLeaderError, RefusedError, Trials
from lightmill.scheduler.simulation.invented_node import machine
from lightmill.scheduler.simulation.stage import START, Stage
from lightmill.scheduler.use_cases.decide import Decide
from lightmill.scheduler.use_cases.isolate import Isolate, Suspects

WHY = "a value is too long"


class StrictLedger(SlowLedger, Trials):
    """Refuses what `bad` is true of; `given_up` are the jobs that have failed."""

    def __init__(self, bad: Callable[[Changes], bool]) -> None:
        super().__init__()
        self.bad = bad
        self.tried = 0
        self.given_up: dict[str, str] = {}
        self.gate.set()

    @override
    async def _commit(self, changes: Changes) -> None:
        if self.bad(changes):
            raise RefusedError(WHY)
        await super()._commit(changes)

    @override
    async def refusal(self, changes: Changes, now: datetime) -> str | None:
        self.tried += 1
        return WHY if self.bad(changes) else None

    @override
    async def fail(self, reasons: Mapping[str, str], now: datetime) -> None:
        self.given_up |= reasons


def of(*jobs: str) -> Callable[[Changes], bool]:
    return lambda changes: any(job in changes.jobs for job in jobs)


def term(ledger: StrictLedger, suspects: Suspects, jobs: list[str]) -> Awaitable[None]:
    """Return a turn of a leader whose memory is new, about these jobs."""
    ids, clock = count(), SystemClock()
    decide = Decide(
        farm=Farm(beat=1.0, new_id=lambda: f"{next(ids):08}", now=clock.now()),
        ledger=ledger,
        clock=clock,
        committed=lambda: None,
        refused=Isolate(ledger, suspects),
    )
    return decide([asks(ledger, wanted(job, 1)) for job in jobs])


async def test_a_job_refused_in_two_terms_fails_and_the_others_are_committed() -> None:
    ledger, suspects = StrictLedger(of("7")), Suspects()
    jobs = [str(number) for number in range(20)]
    with pytest.raises(RefusedError):
        await term(ledger, suspects, jobs)
    assert ledger.given_up == {}
    with pytest.raises(RefusedError):
        await term(ledger, suspects, jobs)
    assert ledger.given_up == {"7": WHY}
    jobs.remove("7")
    await term(ledger, suspects, jobs)
    (committed,) = ledger.committed
    assert sorted(committed.jobs) == sorted(jobs)


async def test_several_at_fault_are_found_in_few_trials() -> None:
    ledger = StrictLedger(of("7", "8", "70"))
    farm = Stage(machine("mill"))
    farm.observe(*(wanted(str(number), 1) for number in range(100)))
    suspects = Suspects({"7", "8", "70"})
    assert await Isolate(ledger, suspects)(farm.last, START) == dict.fromkeys(
        ["7", "8", "70"], WHY
    )
    assert ledger.tried < 50
    assert suspects.jobs == set()


async def test_where_no_job_is_refused_by_itself_none_fails() -> None:
    ledger = StrictLedger(lambda changes: {"a", "b"} <= changes.jobs.keys())
    suspects = Suspects()
    for _ in range(3):
        with pytest.raises(RefusedError):
            await term(ledger, suspects, ["a", "b", "c"])
    assert ledger.given_up == {}


async def test_a_fault_of_no_job_fails_none() -> None:
    ledger, suspects = StrictLedger(lambda changes: len(changes.jobs) == 3), Suspects()
    ledger.bad = lambda changes: bool(changes.nodes)
    farm = Stage(machine("mill"))
    farm.report()
    farm.observe(wanted("a", 1))
    assert await Isolate(ledger, suspects)(farm.last, START) == {}
    assert suspects.jobs == set()


async def test_a_database_that_goes_away_fails_none() -> None:
    def away(_: Changes) -> bool:
        raise NotLeaderError("gone")

    ledger, suspects = StrictLedger(away), Suspects({"a"})
    for _ in range(3):
        with pytest.raises(NotLeaderError):
            await term(ledger, suspects, ["a"])
    assert ledger.given_up == {}


def test_the_parts_of_all_jobs_are_the_whole_without_machines() -> None:
    farm = Stage(machine("mill", 3))
    farm.report()
    farm.ask("a", "1-8")
    farm.observe(wanted("b", 1), farm.nodes["mill"].report())
    changes = farm.last
    parts = [part(changes, [job_id]) for job_id in jobs_of(changes)]
    assert set(jobs_of(changes)) == changes.jobs.keys()
    for name in ("jobs", "steps", "tasks", "given_back", "outlooks"):
        whole = getattr(changes, name)
        assert {key: one for some in parts for key, one in getattr(some, name).items()} == whole
    for name in ("born", "moved", "delivered", "transitions"):
        assert sum(len(getattr(some, name)) for some in parts) == len(getattr(changes, name))
    assert not any(some.nodes or some.ceilings for some in parts)

"""The next turn is decided while the database writes the last."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import count

from typing_extensions import override

from lightmill.broker.in_process import InProcessBroker
from lightmill.domain.frames import FrameSet
from lightmill.domain.job import JobSpec, StepSpec, Wanted, Work
from lightmill.domain.resources import Needs
from lightmill.messages.leader_tick import LeaderTick
from lightmill.messages.topology import reports_queue
from lightmill.runtime.clock import SystemClock
from lightmill.scheduler.adapters.batch import batch
from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.facts import (
    BeatPassed,
    JobAsked,
    NodeAsked,
    PolicyChanged,
)
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.core.work import Job
from lightmill.scheduler.ports import Ledger, Snapshot
from lightmill.scheduler.simulation.invented_node import machine
from lightmill.scheduler.simulation.stage import START, Stage
from lightmill.scheduler.use_cases.decide import Decide, News
from lightmill.scheduler.use_cases.lead import Lead


def wanted(job_id: str, version: int, what: Wanted = Wanted.RUN) -> JobAsked:
    return JobAsked(
        job_id=job_id,
        tenant_id="t",
        owner_id="o",
        name=job_id,
        bundle_id=None,
        spec=JobSpec(
            work=Work(engine="blender"),
            steps=(StepSpec(name="frames", frames=FrameSet.parse("1-4"), chunk=1),),
            needs=Needs(cores=1, ram=1),
        ),
        wanted=what,
        paused=False,
        priority=1,
        retries_wanted=0,
        cleanups_wanted=0,
        version=version,
        created_at=START,
    )


class SlowLedger(Ledger):
    """Commits when `gate` is open.

    Attributes:
        wanted: What is wanted of each job now.
        looks: How often that has been asked.
        begun: How often it had been when each writing began.
    """

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.wanted: dict[str, JobAsked] = {}
        self.committed: list[Changes] = []
        self.read: list[int] = []
        self.looks = 0
        self.begun: list[int] = []

    @override
    async def snapshot(self) -> Snapshot:
        return Snapshot(jobs=(), nodes=())

    @override
    async def ended_jobs(self, job_ids: Iterable[str]) -> list[Job]:
        self.read.append(len(self.committed))
        return []

    @override
    async def asked(self, job_ids: Iterable[str]) -> list[JobAsked]:
        self.looks += 1
        return [self.wanted[job_id] for job_id in job_ids]

    @override
    async def decided(self) -> Sequence[PolicyChanged | NodeAsked]:
        return ()

    @override
    async def unapplied(self, since: datetime | None) -> list[str]:
        return []

    @override
    def commit(self, changes: Changes, now: datetime) -> Awaitable[None]:
        return self._commit(changes)

    async def _commit(self, changes: Changes) -> None:
        self.begun.append(self.looks)
        await self.gate.wait()
        self.committed.append(changes)


def leader() -> tuple[Decide, SlowLedger]:
    ids, clock, ledger = count(), SystemClock(), SlowLedger()
    farm = Farm(beat=1.0, new_id=lambda: f"{next(ids):08}", now=clock.now())
    decide = Decide(farm=farm, ledger=ledger, clock=clock, committed=lambda: None)
    return decide, ledger


def asks(ledger: SlowLedger, job: JobAsked) -> News:
    ledger.wanted[job.job_id] = job
    return News(jobs=(job.job_id,))


async def test_what_leaves_late_is_not_missed_by_reports_that_are_older() -> None:
    """Neither beats nor reports that came while it was being written count against an order."""
    decide, ledger = leader()
    mill = machine("mill")
    first = await decide.decided([News(facts=(mill.report(),)), asks(ledger, wanted("a", 1))])
    assert len(first.changes.born) == 4
    writing = asyncio.create_task(decide.complete(first))
    beats = tuple(BeatPassed(number) for number in range(1, 9))
    late = await decide.decided([News(facts=(*beats, mill.report()))])
    assert late.changes.moved == []
    ledger.gate.set()
    await writing
    await decide.complete(late)
    listed = [attempt.id for attempt in first.changes.born if attempt.ended]
    assert listed == []


async def test_a_doorbell_waits_for_the_rows_of_jobs_that_have_just_ended() -> None:
    """They are known by their rows alone, and these are still being written."""
    decide, ledger = leader()
    ledger.gate.set()
    await decide([asks(ledger, wanted("a", 1))])
    ledger.gate.clear()
    ended = await decide.decided([asks(ledger, wanted("a", 2, Wanted.CANCEL))])
    assert ended.ends
    writing = asyncio.create_task(decide.complete(ended))
    reading = asyncio.create_task(decide.decided([asks(ledger, wanted("b", 1))]))
    await asyncio.sleep(0)
    assert not reading.done()
    ledger.gate.set()
    await writing
    await decide.complete(await reading)
    assert ledger.read == [0, 2]


async def test_news_is_acknowledged_after_its_own_commit() -> None:
    decide, ledger = leader()
    done: list[str] = []

    async def acknowledge(name: str) -> None:
        done.append(f"{name} after {len(ledger.committed)}")

    turns = []
    for name in ("a", "b"):
        ring = asks(ledger, wanted(name, 1))
        news = News(jobs=ring.jobs, acknowledge=partial(acknowledge, name))
        turns.append(await decide.decided([news]))
    assert done == []
    ledger.gate.set()
    for turn in turns:
        await decide.complete(turn)
    assert done == ["a after 1", "b after 2"]


async def at_once() -> None:
    """Have sent everything."""


@asynccontextmanager
async def leading(decide: Decide, ledger: Ledger, *, breath: float = 0.0) -> AsyncIterator[Lead]:
    """Give a leader whose turns begin with the first `await` in the block."""
    async with InProcessBroker().connect("leader") as link:
        lead = Lead(
            decide=decide,
            ledger=ledger,
            link=link,
            sent=at_once,
            clock=SystemClock(),
            epoch=1,
            beat=1.0,
            sweep=30.0,
            breath=breath,
        )
        turns = asyncio.create_task(lead.turns())
        yield lead
        turns.cancel()


def much(ledger: SlowLedger, name: str) -> News:
    """Return as much news as a turn takes in, among them a doorbell."""
    beats = tuple(BeatPassed(0) for _ in range(3000))
    return replace(asks(ledger, wanted(name, 1)), facts=beats)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110  # a leader tells nobody of its turns
            await asyncio.sleep(0.001)


async def test_more_news_than_a_turn_takes_in_is_left_for_the_next() -> None:
    decide, ledger = leader()
    ledger.gate.set()
    async with leading(decide, ledger) as lead:
        for name in "abc":
            await lead.hear(much(ledger, name))
        await until(lambda: decide.turns == 3)
    assert [sorted(changes.jobs) for changes in ledger.committed] == [["a"], ["b"], ["c"]]


async def test_a_turn_is_being_written_before_the_next_is_decided() -> None:
    """Deciding takes the thread: what had not left before it would wait for it."""
    decide, ledger = leader()
    async with leading(decide, ledger) as lead:
        for name in "ab":
            await lead.hear(much(ledger, name))
        await until(lambda: ledger.looks == 2)
        assert ledger.begun == [1]
        ledger.gate.set()
        await until(lambda: decide.turns == 2)


async def test_news_that_come_while_a_turn_is_written_share_the_next() -> None:
    decide, ledger = leader()
    async with leading(decide, ledger, breath=600.0) as lead:
        await lead.hear(asks(ledger, wanted("a", 1)))
        await until(lambda: ledger.begun == [1])
        for name in "bc":
            await lead.hear(asks(ledger, wanted(name, 1)))
            await asyncio.sleep(0)
        assert ledger.looks == 1
        ledger.gate.set()
        await until(lambda: decide.turns == 2)
    assert [sorted(changes.jobs) for changes in ledger.committed] == [["a"], ["b", "c"]]


async def test_the_news_of_one_source_are_acknowledged_together() -> None:
    decide, ledger = leader()
    ledger.gate.set()
    done: list[str] = []

    async def acknowledge(name: str) -> None:
        done.append(name)

    pieces = [
        News(acknowledge=partial(acknowledge, f"{source} {number}"), source=source)
        for number in range(2)
        for source in ("reports", "doorbells", None)
    ]
    await decide(pieces)
    assert sorted(done) == ["None 0", "None 1", "doorbells 1", "reports 1"]


async def test_no_beat_passes_while_orders_are_held_up_on_their_way_out() -> None:
    decide, ledger = leader()
    held_up, gate = asyncio.Event(), asyncio.Event()

    async def sent() -> None:
        held_up.set()
        await gate.wait()

    async with leading(decide, ledger) as lead:
        lead.sent = sent
        reports = await lead.link.subscribe(reports_queue(1))
        ticking = asyncio.create_task(lead.tick())
        await until(lambda: held_up.is_set() or decide.beats > 0)
        assert decide.beats == 0
        gate.set()
        (tick,) = await reports.receive(10)
        ticking.cancel()
    assert LeaderTick.model_validate_json(tick.body).number == decide.beats == 1


def test_rows_tell_what_was_true_when_they_were_taken() -> None:
    farm = Stage(machine("mill"))
    farm.report()
    farm.ask("a", "1-8")
    lines = batch(farm.last, START, epoch=1, beat=1.0)
    before = repr((lines.put, lines.added))
    farm.beats(2)
    farm.run_all("mill")
    assert repr((lines.put, lines.added)) == before

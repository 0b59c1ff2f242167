"""A scheduler that stands for election and leads, on a simulated process."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Protocol

from lightmill.messages.job_wanted import JobWanted
from lightmill.messages.leader_tick import LeaderTick
from lightmill.messages.message import Message
from lightmill.messages.node_report import NodeReport
from lightmill.messages.topology import reports_queue
from lightmill.scheduler.core.facts import BeatPassed, Fact, NodeReported, OrderReturned
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.ports import Ledger, NotLeaderError
from lightmill.scheduler.simulation.broker import INBOX, Broker, Link
from lightmill.scheduler.simulation.kernel import Clock, Kernel, Pause, Process
from lightmill.scheduler.simulation.ledger import MemoryLedger, Surroundings
from lightmill.scheduler.simulation.relay import MemoryRelay
from lightmill.scheduler.use_cases.decide import Decide, News

BEAT = 1.0
SWEEP = 30.0
_AGAIN = 0.5  # seconds between two terms of one candidate
_LOOK = 0.5  # seconds between two looks at whether the lock is still held
_SKEW = timedelta(minutes=10)


class Lock:
    """The database's named lock: the first in the queue gets it."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.holder: Candidate | None = None
        self._waiting: list[Candidate] = []

    def request(self, candidate: "Candidate") -> None:
        """Get in line."""
        if candidate not in self._waiting and self.holder is not candidate:
            self._waiting.append(candidate)
        self._pass_on()

    def release(self, candidate: "Candidate") -> None:
        """Give the lock back, or leave the line."""
        if candidate in self._waiting:
            self._waiting.remove(candidate)
        if self.holder is candidate:
            self.holder = None
            self._pass_on()

    def _pass_on(self) -> None:
        if self.holder is None and self._waiting:
            self.holder = self._waiting.pop(0)
            self.holder.process.hand(self.holder.lead)


class Bench(Protocol):
    """What is told of every leader, to be judged later."""

    def heard(self, epoch: int, farm: Farm, fact: Fact) -> None:
        """A leader is about to take in a fact."""
        ...

    def took_over(self, epoch: int, farm: Farm) -> None:
        """A leader has read what lives."""
        ...

    def acknowledged(self, wanted: JobWanted) -> None:
        """A doorbell will not ring again."""
        ...

    def farm_seen(self, farm: Farm, now: datetime) -> None:
        """A beat is over; the farm is what a live leader believes."""
        ...


@dataclass(kw_only=True)
class Roles:
    """The parts of a leader; mutants replace one."""

    farm: type[Farm] = Farm
    decide: type[Decide] = Decide
    ledger: type[MemoryLedger] = MemoryLedger
    relay: type[MemoryRelay] = MemoryRelay
    sweep: float = SWEEP


@dataclass(kw_only=True)
class Office:
    """What all candidates share; `gather` is how long a leader lets news come together."""

    kernel: Kernel
    broker: Broker
    lock: Lock
    around: Surroundings
    bench: Bench
    roles: Roles
    new_id: Callable[[], str]
    gather: float = 0.0
    decisions: int = 0
    terms: int = 0


@dataclass(kw_only=True)
class Term:
    """One leader's time from taking over to its end."""

    epoch: int
    link: Link
    decide: Decide
    ledger: Ledger
    relay: MemoryRelay
    news: list[News] = field(default_factory=list)
    busy: bool = False
    since: datetime | None = None


class Candidate:
    """Serves one term after the other; whatever ends one, memory is thrown away."""

    def __init__(self, name: str, office: Office, skew: float = 0.0) -> None:
        self.name = name
        self.office = office
        self.process = Process(office.kernel)
        self.clock = Clock(office.kernel, skew)
        self.term: Term | None = None
        self.link: Link | None = None
        self._early: list[News] = []

    def stand(self) -> None:
        """Wait for the lock."""
        self.office.lock.request(self)

    def lead(self) -> None:
        """Begin a term: the lock is ours."""
        self.link = self.office.broker.connect(self.process, self._link_lost)
        self.process.start(self._take_over(self.link))
        self._watch()

    def crash(self, seconds: float) -> None:
        """Die at once, and be started anew after a while."""
        self._end()
        self.office.kernel.later(seconds, self.stand)

    def freeze(self, seconds: float) -> None:
        """Do nothing for a while; the database drops a holder of the lock that stays silent."""
        self.process.freeze(seconds)
        if self.office.lock.holder is self:
            self.office.kernel.later(5.0, self._silent, self.office.kernel.seconds + seconds)
        else:
            self.office.lock.release(self)
            self.process.later(0.0, self.stand)

    def hear(self, news: News) -> None:
        """Take in a piece of news; whatever came meanwhile is decided in one turn."""
        term = self.term
        if term is None:
            self._early.append(news)
            return
        term.news.append(news)
        if not term.busy:
            term.busy = True
            self.process.later(self.office.gather, self._turn, term)

    async def _take_over(self, link: Link) -> None:
        office = self.office
        epoch = office.around.database.begin_epoch()
        office.terms += 1
        office.broker.subscribe(link, INBOX, self._doorbell)
        reports = reports_queue(epoch).name
        office.broker.subscribe(link, reports, self._report)
        ledger = office.roles.ledger(office.around, epoch, BEAT)
        found = await ledger.snapshot()
        farm = office.roles.farm(beat=BEAT, new_id=office.new_id, now=self.clock.now())
        farm.adopt(found.jobs, found.nodes, found.ceilings)
        office.bench.took_over(epoch, farm)
        relay = office.roles.relay(
            self.process, office.around.database, office.broker, link, self._came_back
        )
        decide = office.roles.decide(
            farm=farm,
            ledger=ledger,
            clock=self.clock,
            committed=relay.wake,
            record=lambda fact, _: office.bench.heard(epoch, farm, fact),
        )
        self.term = Term(epoch=epoch, link=link, decide=decide, ledger=ledger, relay=relay)
        if office.around.database.rows.policy is not None:
            self.hear(News(policy=True))
        early, self._early = self._early, []
        for news in early:
            self.hear(news)
        relay.wake()
        self._tick(count(1), reports)
        self.process.start(self._look_for_jobs(self.term))

    def _turn(self, term: Term) -> None:
        self.process.start(self._turns(term))

    async def _turns(self, term: Term) -> None:
        while term.news:
            pieces, term.news = term.news, []
            try:
                await term.decide(pieces)
            except NotLeaderError:
                self._stop()
                return
            self.office.decisions += sum(len(piece.facts) + len(piece.jobs) for piece in pieces)
            await Pause(self.office.gather)
        term.busy = False

    def _doorbell(self, message: Message, tag: int) -> None:
        if isinstance(message, JobWanted):
            acknowledge = partial(self._acknowledge, message, tag)
            self.hear(News(jobs=(message.job_id,), acknowledge=acknowledge))

    async def _acknowledge(self, wanted: JobWanted, tag: int) -> None:
        if self.link is not None and self.link.open:
            self.office.broker.settle(tag)
            self.office.bench.acknowledged(wanted)

    def _report(self, message: Message, _: int) -> None:
        if isinstance(message, NodeReport):
            self.hear(News(facts=(NodeReported(message),)))
        elif isinstance(message, LeaderTick) and self.term and message.epoch == self.term.epoch:
            self.hear(News(facts=(BeatPassed(message.number),)))
            self.office.bench.farm_seen(self.term.decide.farm, self.clock.now())

    def _came_back(self, fact: OrderReturned) -> None:
        self.hear(News(facts=(fact,)))

    def _tick(self, numbers: "count[int]", queue: str) -> None:
        term = self.term
        if term is not None:
            number = term.decide.beats = next(numbers)
            tick = LeaderTick(epoch=term.epoch, number=number)
            self.office.broker.publish(term.link, queue, tick)
            self.process.later(BEAT, self._tick, numbers, queue)

    async def _look_for_jobs(self, term: Term) -> None:
        started = self.clock.now()
        if jobs := await term.ledger.unapplied(term.since):
            self.hear(News(jobs=tuple(jobs)))
        term.since = started - _SKEW
        sweep = self.office.roles.sweep
        self.process.later(sweep, lambda: self.process.start(self._look_for_jobs(term)))

    def _watch(self) -> None:
        if self.office.lock.holder is self:
            self.process.later(_LOOK, self._watch)
        else:
            self._stop()

    def _silent(self, until: float) -> None:
        if self.process.frozen and self.process.frozen_until >= until:
            self.office.lock.release(self)

    def _link_lost(self) -> None:
        if self.link is not None and not self.link.open:
            self._stop()

    def _stop(self) -> None:
        """End the term and stand again."""
        self._end()
        self.process.later(_AGAIN, self.stand)

    def _end(self) -> None:
        self.process.kill()
        self.term = None
        self._early.clear()
        link, self.link = self.link, None
        if link is not None:
            self.office.broker.close(link)
        self.office.lock.release(self)

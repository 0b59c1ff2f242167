"""One turn of the leader: facts in, one commit, acknowledgements after it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lightmill.runtime.clock import Clock
from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.facts import BeatPassed, Fact, NodeAsked, NodeReported
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.ports import Ledger, RefusedError

Acknowledge = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What one look into one source has brought.

    Attributes:
        jobs: Of which something is wanted; what, stands in their rows.
        policy: Whether the keeper of the farm may have decided something.
        acknowledge: Called after the commit that applied it.
        source: Of whose news an acknowledgement is one of all that came before; None: of none.
    """

    jobs: tuple[str, ...] = ()
    policy: bool = False
    facts: tuple[Fact, ...] = ()
    acknowledge: Acknowledge | None = None
    source: object = None

    @property
    def weight(self) -> int:
        """Return how much there is to do for it: what it tells, and each end of an attempt."""
        reports = (fact.report for fact in self.facts if isinstance(fact, NodeReported))
        return len(self.jobs) + len(self.facts) + sum(len(one.finishes) for one in reports)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a turn has done, beside the facts that it took in.

    Attributes:
        ids: That were made in it, in their order; `Decide` leaves them to whoever makes them.
        born: Attempts that it handed out.
        under_way: Ticks that were on their way when they were committed.
    """

    ids: tuple[str, ...] = ()
    born: tuple[str, ...] = ()
    under_way: int = 0


@dataclass(frozen=True, slots=True)
class Decided:
    """A turn that is decided and not committed.

    Attributes:
        ends: Whether a job has ended in it.
        writing: Commits it, if anything has changed.
    """

    pieces: Sequence[News]
    changes: Changes
    now: datetime
    ends: bool = False
    writing: Awaitable[None] | None = None


@dataclass(slots=True)
class Decide:
    """Brings the farm up to date with the news, hands out work and commits.

    When it raises, the farm in memory is no longer what the database holds: throw it away.

    Attributes:
        refused: Told what a commit held that the database will never take.
        beats: Number of the latest tick that the leader has sent to itself.
    """

    farm: Farm
    ledger: Ledger
    clock: Clock
    committed: Callable[[], None]
    record: Callable[[Fact, datetime], None] | None = None
    turned: Callable[[Turn, datetime], None] | None = None
    refused: Callable[[Changes, datetime], Awaitable[object]] | None = None
    turns: int = field(default=0, init=False)
    beats: int = field(default=0, init=False)
    _beats_read: int = field(default=0, init=False)
    _heeded: dict[str | None, Fact] = field(default_factory=dict, init=False)
    _endings: int = field(default=0, init=False)  # turns with ends of jobs, not committed yet
    _rows_tell: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def __post_init__(self) -> None:
        self._rows_tell.set()

    async def __call__(self, news: Iterable[News]) -> None:
        """Apply all of `news` in one turn.

        Raises:
            NotLeaderError: the commit failed or its outcome is unknown.
        """
        await self.complete(await self.decided(news))

    async def decided(self, news: Iterable[News]) -> Decided:
        """Return what is to be committed, which goes by `news` and all that was decided before.

        That may be under way to the database still: it is committed first, or nothing is.
        """
        pieces = list(news)
        if any(piece.policy for piece in pieces):
            await self._heed()
        await self._ask({job_id for piece in pieces for job_id in piece.jobs})
        now = self.clock.now()
        for piece in pieces:
            for fact in piece.facts:
                self._observe(fact, now)
        self.farm.plan(now)
        changes = self.farm.take_changes()
        if not changes:
            return Decided(pieces, changes, now)
        self.farm.leaving(changes.born)
        ends = any(job.ended for job in changes.jobs.values())
        if ends:
            self._endings += 1
            self._rows_tell.clear()
        return Decided(pieces, changes, now, ends, self.ledger.commit(changes, now))

    async def complete(self, turn: Decided) -> None:
        """Commit what was decided in one turn, and acknowledge its news.

        Raises:
            NotLeaderError: the commit failed or its outcome is unknown.
        """
        under_way = 0
        if turn.writing is not None:
            await self._write(turn, turn.writing)
            under_way = max(0, self.beats - self._beats_read)
            self.farm.left(turn.changes.born, under_way)
            self.committed()
        if turn.ends:
            self._endings -= 1
        if not self._endings:
            self._rows_tell.set()
        if self.turned is not None:
            born = tuple(attempt.id for attempt in turn.changes.born)
            self.turned(Turn(born=born, under_way=under_way), turn.now)
        for acknowledge in _acknowledgements(turn.pieces):
            await acknowledge()
        self.turns += 1

    async def _write(self, turn: Decided, writing: Awaitable[None]) -> None:
        try:
            await writing
        except RefusedError:
            # Memory may be a turn ahead by now: what is found is not written from it.
            if self.refused is not None:
                await self.refused(turn.changes, turn.now)
            raise

    async def _heed(self) -> None:
        """Tell the farm what its keeper has decided, as far as it does not know."""
        for fact in await self.ledger.decided():
            about = fact.node_id if isinstance(fact, NodeAsked) else None
            if self._heeded.get(about) != fact:
                self._heeded[about] = fact
                self._observe(fact, self.clock.now())

    async def _ask(self, job_ids: set[str]) -> None:
        if not job_ids:
            return
        await self._rows_tell.wait()  # jobs that have ended are known by their rows alone
        asked = await self.ledger.asked(job_ids)
        others = [fact.job_id for fact in asked if not fact.is_new]
        strangers = [job_id for job_id in others if job_id not in self.farm]
        if strangers:
            self.farm.adopt(await self.ledger.ended_jobs(strangers))
        for fact in asked:
            self._observe(fact, self.clock.now())

    def _observe(self, fact: Fact, now: datetime) -> None:
        if isinstance(fact, BeatPassed):
            if fact.number <= self._beats_read:
                return  # it came twice, and a beat passes once
            self._beats_read = fact.number
        if self.record is not None:
            self.record(fact, now)
        self.farm.observe(fact, now)


def _acknowledgements(pieces: Iterable[News]) -> Iterable[Acknowledge]:
    """Return how `pieces` are acknowledged: all those of a source at once, by its last."""
    last: dict[object, Acknowledge] = {}
    for place, piece in enumerate(pieces):
        if piece.acknowledge is not None:
            last[place if piece.source is None else piece.source] = piece.acknowledge
    return last.values()

"""The database in memory as the leader of one epoch writes it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import Protocol

from typing_extensions import override

from lightmill.messages.attempts_settled import AttemptsSettled
from lightmill.messages.orders import Orders
from lightmill.messages.topology import session_key
from lightmill.scheduler.core.changes import Changes, Letter
from lightmill.scheduler.core.facts import JobAsked, NodeAsked, PolicyChanged
from lightmill.scheduler.core.work import Job
from lightmill.scheduler.ports import Ledger, NotLeaderError, Snapshot
from lightmill.scheduler.simulation import recovery
from lightmill.scheduler.simulation.database import Database, Leaving
from lightmill.scheduler.simulation.kernel import Pause
from lightmill.scheduler.simulation.wire import made


class Fate(Enum):
    """What becomes of a commit: it is done, it fails, or it is done and the answer is lost."""

    DONE = auto()
    FAILED = auto()
    UNKNOWN = auto()


class Court(Protocol):
    """Judges a commit, before and after the rows change."""

    def before_commit(self, changes: Changes, epoch: int, now: datetime) -> None:
        """Look at what a commit that will be done is about to change."""
        ...

    def after_commit(self, changes: Changes, epoch: int) -> None:
        """Look at what the rows say now."""
        ...


@dataclass
class Surroundings:
    """What a ledger stands on.

    Attributes:
        latency: Returns the seconds that the next answer of the database takes.
        fate: Decides about the next commit.
    """

    database: Database
    court: Court
    latency: Callable[[], float]
    fate: Callable[[], Fate]


class MemoryLedger(Ledger):
    """Keeps to the port; between question and answer its process may crash or freeze."""

    def __init__(self, around: Surroundings, epoch: int, beat: float) -> None:
        self.around = around
        self.epoch = epoch
        self.beat = beat

    @override
    async def snapshot(self) -> Snapshot:
        await Pause(self.around.latency())
        return recovery.snapshot(self.around.database.rows)

    @override
    async def ended_jobs(self, job_ids: Iterable[str]) -> list[Job]:
        return recovery.ended_jobs(self.around.database.rows, job_ids)

    @override
    async def asked(self, job_ids: Iterable[str]) -> list[JobAsked]:
        rows = self.around.database.rows
        known = [rows.asked[job_id] for job_id in job_ids if job_id in rows.asked]
        found = [
            replace(one, before=recovery.before(rows, one.spec)) if one.spec.after else one
            for one in known
        ]
        return sorted(found, key=lambda one: (one.created_at, one.job_id))

    @override
    async def decided(self) -> Sequence[PolicyChanged | NodeAsked]:
        policy = self.around.database.rows.policy
        return [] if policy is None else [PolicyChanged(policy)]

    @override
    async def unapplied(self, since: datetime | None) -> list[str]:
        rows = self.around.database.rows
        return [
            job_id
            for job_id, asked in rows.asked.items()
            if (since is None or rows.asked_at[job_id] >= since)
            and (job_id not in rows.jobs or rows.jobs[job_id].applied_version < asked.version)
        ]

    @override
    async def commit(self, changes: Changes, now: datetime) -> None:
        await Pause(self.around.latency())
        fate = self.around.fate()
        if fate is Fate.FAILED:
            raise NotLeaderError("the database has gone away")
        self.write(changes, now)
        if fate is Fate.UNKNOWN:
            raise NotLeaderError("the database has gone away in mid-commit")
        await Pause(self.around.latency() / 4)

    def write(self, changes: Changes, now: datetime) -> None:
        """Do the transaction of a turn that was decided at `now`."""
        database, court = self.around.database, self.around.court
        database.check_epoch(self.epoch)
        court.before_commit(changes, self.epoch, now)
        database.commit(changes, self.epoch, self.leaving(changes))
        court.after_commit(changes, self.epoch)

    def leaving(self, changes: Changes) -> Iterator[Leaving]:
        """Yield what is to leave, each node's orders before the events."""
        for (node_id, session), letter in changes.letters.items():
            yield from self.mail(letter, session_key(node_id, session))
        for job_id in sorted(changes.jobs):
            yield Leaving(
                number=0, queue=None, message=None, event=f"{job_id}:{changes.jobs[job_id].state}"
            )

    def mail(self, letter: Letter, queue: str) -> Iterator[Leaving]:
        """Yield the message of one letter."""
        settled = None
        if letter.settled or letter.settled_frames:
            settled = made(
                AttemptsSettled,
                epoch=self.epoch,
                attempts=tuple(letter.settled),
                frames=tuple(letter.settled_frames),
            )
        if letter.assign or letter.cancel or letter.recall or letter.forget_workspaces:
            orders = made(
                Orders,
                epoch=self.epoch,
                beat=self.beat,
                assign=tuple(letter.assignments()),
                cancel=tuple(letter.cancel),
                recall=tuple(letter.recall),
                forget_workspaces=tuple(letter.forget_workspaces),
                drain=None,
                settled=settled,
            )
            yield Leaving(number=0, queue=queue, message=orders, mandatory=True)
        elif settled is not None:
            yield Leaving(number=0, queue=queue, message=settled)

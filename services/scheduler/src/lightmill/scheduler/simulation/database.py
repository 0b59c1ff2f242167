"""A database in memory: rows apart from the scheduler's objects, changed by commits alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from lightmill.domain.policy import NodeWish, Policy
from lightmill.domain.resources import Offer
from lightmill.domain.results import FrameResult
from lightmill.domain.states import (
    ATTEMPT_TRANSITIONS,
    AttemptState,
    JobState,
    NodeState,
    StepState,
    is_final,
)
from lightmill.messages.message import Message
from lightmill.scheduler.core.changes import AttemptMoved, Changes
from lightmill.scheduler.core.facts import JobAsked, NodeAsked
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.timing import Timing
from lightmill.scheduler.core.waiting import GivenBack
from lightmill.scheduler.core.work import Attempt, FailedOrdinal, Job, Step
from lightmill.scheduler.ports import NotLeaderError

LIVE_JOBS = {JobState.PENDING, JobState.PROCESSING}


class RowsDifferError(NotLeaderError):
    """A row did not stand where the leader's memory had it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """Where a job stands."""

    id: str
    state: JobState
    paused: bool
    applied_version: int
    applied_retries: int
    applied_cleanups: int
    version: int
    error: str | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """Where a step stands."""

    id: str
    job_id: str
    position: int
    state: StepState
    total: int
    next_ordinal: int
    succeeded: int
    outstanding: int
    locked: int
    ram: int | None
    timing: Timing
    held_until: datetime | None
    shortages: int


@dataclass(slots=True, kw_only=True)
class AttemptRow:
    """An attempt and its task.

    Attributes:
        begun: Whether a commit has noted that its node renders it.
        delivered: Ordinals of it that are results.
    """

    id: str
    task_id: str
    step_id: str
    job_id: str
    node_id: str
    session: str
    epoch: int
    cores: int
    ram: int
    gpus: tuple[int, ...]
    ordinals: tuple[int, ...]
    failures: int
    tries: int
    created_at: datetime
    state: AttemptState = AttemptState.ASSIGNED
    begun: bool = False
    delivered: set[int] = field(default_factory=set)

    @property
    def live(self) -> bool:
        """Whether it is the current attempt of its task."""
        return not is_final(ATTEMPT_TRANSITIONS, self.state)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRow:
    """What is known of a machine; the record's figures as in the real table."""

    id: str
    session: str
    offer: Offer
    state: NodeState
    wish: NodeWish
    forgiven: int
    quarantined_until: datetime | None
    failures: Mapping[str, int]
    in_a_row: Mapping[str, int]
    quarantines: int
    kept: tuple[str, int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A row of the outbox: a message to a queue, or an event for whoever listens."""

    number: int
    queue: str | None
    message: Message | None
    mandatory: bool = False
    event: str = ""


@dataclass(kw_only=True)
class Rows:
    """The tables."""

    asked: dict[str, JobAsked] = field(default_factory=dict)
    asked_at: dict[str, datetime] = field(default_factory=dict)
    jobs: dict[str, JobRow] = field(default_factory=dict)
    steps: dict[str, StepRow] = field(default_factory=dict)
    attempts: dict[str, AttemptRow] = field(default_factory=dict)
    results: dict[tuple[str, int], tuple[str, FrameResult]] = field(default_factory=dict)
    given_back: dict[str, dict[int, GivenBack]] = field(default_factory=dict)
    failed: dict[str, dict[int, FailedOrdinal]] = field(default_factory=dict)
    nodes: dict[str, NodeRow] = field(default_factory=dict)
    policy: Policy | None = None
    wishes: dict[str, NodeAsked] = field(default_factory=dict)
    ceilings: dict[str, int] = field(default_factory=dict)
    outbox: dict[int, Leaving] = field(default_factory=dict)
    epoch: int = 0


class Database:
    """Commits are atomic and in a row; what they may write is guarded as the real ones are."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.commits = 0
        self.refused: list[str] = []
        self._numbers = 0

    def ask(self, asked: JobAsked, now: datetime) -> None:
        """Write what an owner wants of a job, as the api does."""
        self.rows.asked[asked.job_id] = asked
        self.rows.asked_at[asked.job_id] = now

    def begin_epoch(self) -> int:
        """Return the number of the epoch that begins now."""
        self.rows.epoch += 1
        return self.rows.epoch

    def check_epoch(self, epoch: int) -> None:
        """Refuse whoever no longer leads.

        Raises:
            NotLeaderError: a newer epoch has begun.
        """
        if epoch != self.rows.epoch:
            raise NotLeaderError(f"epoch {epoch} is over, {self.rows.epoch} leads")

    def commit(self, changes: Changes, epoch: int, leaving: Iterable[Leaving]) -> None:
        """Write everything or nothing.

        Raises:
            NotLeaderError: the epoch is over, or a row is not as expected.
        """
        self.check_epoch(epoch)
        moves = _moves(changes)
        self._guard(changes, moves)
        self._write_work(changes, epoch)
        for attempt_id, (_, became) in moves.items():
            row = self.rows.attempts[attempt_id]
            row.state, row.begun = became, row.begun or became is AttemptState.RUNNING
        for delivered in changes.delivered:
            step_id, attempt_id = delivered.attempt.task.step.id, delivered.attempt.id
            self.rows.results[step_id, delivered.result.ordinal] = attempt_id, delivered.result
            self.rows.attempts[attempt_id].delivered.add(delivered.result.ordinal)
        self._write_waiting(changes)
        for node in changes.nodes.values():
            self.rows.nodes[node.id] = _node_row(node)
        self.rows.ceilings.update(changes.ceilings)
        self.put(leaving)
        self.commits += 1

    def put(self, leaving: Iterable[Leaving]) -> None:
        """Add to the outbox."""
        for row in leaving:
            self._numbers += 1
            self.rows.outbox[self._numbers] = replace(row, number=self._numbers)

    @property
    def newest(self) -> int:
        """Return the number of the latest row of the outbox, sent or not."""
        return self._numbers

    def oldest(self, number: int) -> list[Leaving]:
        """Return the rows of the outbox that have waited the longest."""
        return list(self.rows.outbox.values())[:number]

    def forget(self, sent: Iterable[Leaving]) -> None:
        """Delete rows of the outbox."""
        for row in sent:
            self.rows.outbox.pop(row.number, None)

    def _guard(
        self, changes: Changes, moves: dict[str, tuple[AttemptState, AttemptState]]
    ) -> None:
        """Check the primary keys, and that attempts stand where they are moved from."""
        born = {attempt.id for attempt in changes.born}
        wrong = [attempt_id for attempt_id in born if attempt_id in self.rows.attempts]
        for attempt_id, (was, _) in moves.items():
            row = self.rows.attempts.get(attempt_id)
            present = AttemptState.ASSIGNED if row is None else row.state
            if (row is None and attempt_id not in born) or present is not was:
                wrong.append(attempt_id)
        keys = [(d.attempt.task.step.id, d.result.ordinal) for d in changes.delivered]
        doubled = len(set(keys)) < len(keys) or any(key in self.rows.results for key in keys)
        if wrong or doubled:
            what = "a result is there already" if doubled else f"attempts differ: {sorted(wrong)}"
            self.refused.append(what)
            raise RowsDifferError(what)

    def _write_work(self, changes: Changes, epoch: int) -> None:
        self.rows.jobs.update({job.id: _job_row(job) for job in changes.jobs.values()})
        self.rows.steps.update({step.id: _step_row(step) for step in changes.steps.values()})
        for attempt in changes.born:
            self.rows.attempts[attempt.id] = _attempt_row(attempt, epoch)

    def _write_waiting(self, changes: Changes) -> None:
        for (step_id, ordinal), item in changes.given_back.items():
            back = self.rows.given_back.setdefault(step_id, {})
            if item is None:
                back.pop(ordinal, None)
            else:
                back[ordinal] = item
        for step_id in changes.forgiven:
            self.rows.failed.pop(step_id, None)
        for failed in changes.failed:
            self.rows.failed.setdefault(failed.step_id, {})[failed.ordinal] = failed


def _moves(changes: Changes) -> dict[str, tuple[AttemptState, AttemptState]]:
    """Return for each attempt where it stood before the turn and where it stands after it."""
    moves: dict[str, tuple[AttemptState, AttemptState]] = {}
    for move in changes.moved:
        moves[move.attempt.id] = _first(moves, move), move.attempt.state
    return moves


def _first(
    moves: dict[str, tuple[AttemptState, AttemptState]], move: AttemptMoved
) -> AttemptState:
    known = moves.get(move.attempt.id)
    return move.was if known is None else known[0]


def _job_row(job: Job) -> JobRow:
    return JobRow(
        id=job.id,
        state=job.state,
        paused=job.paused,
        applied_version=job.applied_version,
        applied_retries=job.applied_retries,
        applied_cleanups=job.applied_cleanups,
        version=job.row_version,
        error=job.error,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def _step_row(step: Step) -> StepRow:
    return StepRow(
        id=step.id,
        job_id=step.job.id,
        position=step.position,
        state=step.state,
        total=step.waiting.total,
        next_ordinal=step.waiting.next_ordinal,
        succeeded=step.succeeded,
        outstanding=step.outstanding,
        locked=_locked(step),
        ram=step.ram,
        timing=replace(step.timing),
        held_until=step.held_until,
        shortages=step.shortages,
    )


def _locked(step: Step) -> int:
    """Return how many frames wait for the same frame of another step, as its rows tell."""
    leader = step.leader
    if leader is None:
        return 0
    return leader.waiting.total - leader.succeeded - len(leader.given_up)


def _node_row(node: Node) -> NodeRow:
    record, kept = node.record, node.reserved
    return NodeRow(
        id=node.id,
        session=node.session,
        offer=node.offer,
        state=node.state,
        wish=node.wish,
        forgiven=node.forgiven,
        quarantined_until=node.quarantined_until,
        failures=dict(record.failures),
        in_a_row={job.id: job.succeeded for job in record.in_a_row.values()},
        quarantines=record.quarantines,
        kept=None if kept is None else (kept.step_id, kept.cores, kept.ram),
    )


def _attempt_row(attempt: Attempt, epoch: int) -> AttemptRow:
    task = attempt.task
    return AttemptRow(
        id=attempt.id,
        task_id=task.id,
        step_id=task.step.id,
        job_id=task.step.job.id,
        node_id=attempt.node_id,
        session=attempt.session,
        epoch=epoch,
        cores=attempt.cores,
        ram=attempt.ram,
        gpus=attempt.gpus,
        ordinals=task.ordinals,
        failures=task.failures,
        tries=task.tries,
        created_at=task.created_at,
    )

"""Schedulers with one fault each, of the kinds that real farms have had."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from typing_extensions import override

from lightmill.domain.states import AttemptState, NodeState
from lightmill.messages.node_report import HeldAttempt, HeldState
from lightmill.scheduler.core.changes import AttemptMoved, Changes, Delivered
from lightmill.scheduler.core.facts import Fact, NodeReported
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.core.work import Attempt
from lightmill.scheduler.ports import NotLeaderError, Snapshot
from lightmill.scheduler.simulation.database import Database, Leaving
from lightmill.scheduler.simulation.kernel import Pause
from lightmill.scheduler.simulation.ledger import MemoryLedger
from lightmill.scheduler.simulation.relay import MemoryRelay
from lightmill.scheduler.use_cases.decide import Decide, News


class NoFence(Farm):
    """Takes in what an attempt delivers although it is no longer the current one."""

    def __init__(self, *, beat: float, new_id: Callable[[], str], now: datetime) -> None:
        super().__init__(beat=beat, new_id=new_id, now=now)
        self._ever: dict[str, Attempt] = {}

    @override
    def observe(self, fact: Fact, now: datetime) -> None:
        self._ever.update((attempt.id, attempt) for attempt in self._state.attempts)
        if isinstance(fact, NodeReported):
            for finish in fact.report.finishes:
                attempt = self._ever.get(finish.attempt_id)
                if attempt is not None and attempt.ended:
                    late = [Delivered(attempt, result) for result in finish.delivered]
                    self._state.changes.delivered += late
        super().observe(fact, now)


class ReleaseUnconfirmed(Farm):
    """Frees a machine when it orders a kill, not when the kill is confirmed (OpenCue 2438)."""

    @override
    def take_changes(self) -> Changes:
        for move in self._state.changes.moved:
            if move.attempt.ended:
                self._state.nodes[move.attempt.node_id].release(move.attempt.id)
        return super().take_changes()


class LeasePerNode(Farm):
    """Renews every lease of a machine that reports, whatever the report lists."""

    @override
    def observe(self, fact: Fact, now: datetime) -> None:
        if isinstance(fact, NodeReported) and fact.report.node_id in self._state.nodes:
            node = self._state.nodes[fact.report.node_id]
            listed = {held.attempt_id for held in fact.report.held}
            listed |= {finish.attempt_id for finish in fact.report.finishes}
            unlisted = (node.held.keys() | node.ahead.keys()) - listed
            extra = (
                HeldAttempt(attempt_id=name, state=HeldState.QUEUED) for name in sorted(unlisted)
            )
            held = (*fact.report.held, *extra)
            fact = NodeReported(fact.report.model_copy(update={"held": held}))
        super().observe(fact, now)


class LostForgotten(Farm):
    """Forgets the frames that a lost attempt gives back."""

    @override
    def observe(self, fact: Fact, now: datetime) -> None:
        super().observe(fact, now)
        for move in _lost(self._state.changes):
            step = move.attempt.task.step
            for ordinal in move.attempt.task.remaining:
                step.waiting.given_back.pop(ordinal, None)
                self._state.changes.given_back.pop((step.id, ordinal), None)


class LostCounts(Farm):
    """Has a frame pay with a retry for the loss of its machine."""

    @override
    def observe(self, fact: Fact, now: datetime) -> None:
        before = len(self._state.changes.moved)
        super().observe(fact, now)
        for move in _lost(self._state.changes, before):
            step, task = move.attempt.task.step, move.attempt.task
            for ordinal in task.remaining & step.waiting.given_back.keys():
                item = replace(step.waiting.given_back[ordinal], failures=task.failures + 1)
                step.waiting.given_back[ordinal] = item
                self._state.changes.given_back[step.id, ordinal] = item


class StaleReports(Farm):
    """Believes every report, however old and of whatever session."""

    @override
    def observe(self, fact: Fact, now: datetime) -> None:
        if isinstance(fact, NodeReported) and fact.report.node_id in self._state.nodes:
            node = self._state.nodes[fact.report.node_id]
            newest = {"session": node.session, "sequence": node.sequence + 1}
            fact = NodeReported(fact.report.model_copy(update=newest))
        super().observe(fact, now)


class BeatsUnderWay(Farm):
    """Counts against an order the beats that passed before it left, in a slow commit."""

    @override
    def left(self, born: Iterable[Attempt], under_way: int) -> None:
        return


class ShunsMachines(Farm):
    """Never again hands anything to a machine that has lost an attempt."""

    def __init__(self, *, beat: float, new_id: Callable[[], str], now: datetime) -> None:
        super().__init__(beat=beat, new_id=new_id, now=now)
        self._shunned: set[str] = set()

    @override
    def plan(self, now: datetime) -> None:
        self._shunned.update(move.attempt.node_id for move in _lost(self._state.changes))
        shunned = [self._state.nodes[node_id] for node_id in self._shunned]
        states = [node.state for node in shunned]
        for node in shunned:
            node.state = NodeState.OFFLINE
            self._state.fleet.look(node)
        super().plan(now)
        for node, state in zip(shunned, states, strict=True):
            node.state = state


class GivesTwice(Farm):
    """Hands out the frame that it handed out last once more (two cursors over one range)."""

    @override
    def plan(self, now: datetime) -> None:
        super().plan(now)
        for attempt in self._state.changes.born[:1]:
            waiting = attempt.task.step.waiting
            if waiting.next_ordinal == waiting.total > 1:
                waiting.next_ordinal -= 1
                super().plan(now)


class PausedAnyway(Farm):
    """Hands out frames of paused jobs."""

    @override
    def plan(self, now: datetime) -> None:
        paused = [job for job in self.jobs if job.paused]
        for job in paused:
            job.paused = False
            self._state.stirred[job.id] = job
        super().plan(now)
        for job in paused:
            job.paused = True


class AckFirst(Decide):
    """Acknowledges before the commit (Celery's default)."""

    @override
    async def __call__(self, news: Iterable[News]) -> None:
        pieces = list(news)
        for piece in pieces:
            if piece.acknowledge is not None:
                await piece.acknowledge()
        await super().__call__(replace(piece, acknowledge=None) for piece in pieces)


class SettleFirst(MemoryLedger):
    """Tells nodes that their finishes are settled, in a transaction before the one that is so."""

    @override
    async def commit(self, changes: Changes, now: datetime) -> None:
        early = [row for row in self.leaving(changes) if row.queue and not row.mandatory]
        self.around.database.put(early)
        await Pause(self.around.latency())
        await super().commit(changes, now)


class GoOnRegardless(MemoryLedger):
    """Keeps its memory when a commit fails, or its outcome is unknown."""

    @override
    async def commit(self, changes: Changes, now: datetime) -> None:
        try:
            await super().commit(changes, now)
        except NotLeaderError:
            return


class TakeOverBlind(MemoryLedger):
    """Forgets at a take-over what machines already render."""

    @override
    async def snapshot(self) -> Snapshot:
        found = await super().snapshot()
        for job in found.jobs:
            for step in job.steps:
                step.running.clear()
        return found


class NoEpochCheck(Database):
    """Lets two leaders write."""

    @override
    def check_epoch(self, epoch: int) -> None:
        return


class RelayByCursor(MemoryRelay):
    """Remembers a position instead of looking for what has not been sent."""

    _sent = -1

    @override
    def pick(self) -> list[Leaving]:
        if self._sent < 0:
            self._sent = self.database.newest
            rows = self.database.oldest(0)
        else:
            unsent = self.database.oldest(10_000)
            rows = [row for row in unsent if row.number > self._sent]
        self._sent = max([self._sent, *(row.number for row in rows)])
        return rows


def _lost(changes: Changes, since: int = 0) -> list[AttemptMoved]:
    moved = changes.moved[since:]
    return [move for move in moved if move.attempt.state is AttemptState.LOST]

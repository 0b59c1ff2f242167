"""Keeps the laws of commits, one commit after the other: on a simulated farm, or on a stage."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from lightmill.domain.policy import Policy
from lightmill.domain.states import AttemptState
from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.simulation import commit_laws, policy_laws
from lightmill.scheduler.simulation.commit_laws import Commit, Tally
from lightmill.scheduler.simulation.database import Database
from lightmill.scheduler.simulation.laws import BrokenLawError
from lightmill.scheduler.simulation.policy_laws import Plan
from lightmill.scheduler.simulation.store import Store


class Audit:
    """Judges every commit before and after it is done.

    Attributes:
        on_machine: Tells of (node, attempt) whether the machine really holds it.
        prompt: Attempts whose order took less than a beat from its commit to the machine.
        ends: How attempts have ended.
        accepted: Files that are results.
    """

    def __init__(
        self, database: Database, store: Store, on_machine: Callable[[str, str], bool]
    ) -> None:
        self.database = database
        self.store = store
        self.on_machine = on_machine
        self.prompt: set[str] = set()
        self.tally = Tally()
        self.ends = Counter[AttemptState]()
        self.accepted: set[str | None] = set()
        self._newest = 0

    def before(self, changes: Changes, epoch: int) -> None:
        """Look at what a commit is about to change.

        Raises:
            BrokenLawError: it must not be changed so.
        """
        commit = Commit(
            rows=self.database.rows,
            store=self.store,
            changes=changes,
            epoch=epoch,
            newest=self._newest,
            current=self.tally.current,
            on_machine=self.on_machine,
            prompt=self.prompt,
        )
        for law in commit_laws.BEFORE:
            for what in law(commit):
                raise BrokenLawError(law.__name__, what)
        self._newest = epoch

    def planned(self, farm: Farm, policy: Policy, changes: Changes, now: datetime) -> None:
        """Look at what a turn has handed out.

        Raises:
            BrokenLawError: the farm's policy does not allow it.
        """
        plan = Plan(farm=farm, policy=policy, changes=changes, rows=self.database.rows, now=now)
        for law in policy_laws.OF_PLANS:
            for what in law(plan):
                raise BrokenLawError(law.__name__, what)

    def after(self, changes: Changes) -> None:
        """Look at what the rows say now.

        Raises:
            BrokenLawError: they cannot be true.
        """
        self._count(changes)
        rows = self.database.rows
        for what in commit_laws.counts_add_up(rows, self.tally, iter(changes.steps)):
            raise BrokenLawError("counts_add_up", what)
        for what in commit_laws.completed_jobs_are_complete(rows, changes):
            raise BrokenLawError("completed_jobs_are_complete", what)

    def _count(self, changes: Changes) -> None:
        tally = self.tally
        for delivered in changes.delivered:
            step_id = delivered.attempt.task.step.id
            tally.results[step_id] += 1
            tally.outstanding[step_id] -= 1
            tally.current.pop((step_id, delivered.result.ordinal), None)
            self.accepted.add(delivered.result.key)
        for move in {move.attempt.id: move for move in changes.moved}.values():
            if move.attempt.ended:
                self.ends[move.attempt.state] += 1
                self._let_go(move.attempt.id)
        for attempt in changes.born:
            if attempt.ended:
                continue
            step_id = attempt.task.step.id
            tally.outstanding[step_id] += len(attempt.task.ordinals)
            for ordinal in attempt.task.ordinals:
                tally.current[step_id, ordinal] = attempt.id

    def _let_go(self, attempt_id: str) -> None:
        row = self.database.rows.attempts[attempt_id]
        for ordinal in row.ordinals:
            if self.tally.current.get((row.step_id, ordinal)) == attempt_id:
                del self.tally.current[row.step_id, ordinal]
                self.tally.outstanding[row.step_id] -= 1

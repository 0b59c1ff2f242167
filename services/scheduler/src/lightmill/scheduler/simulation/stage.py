"""A farm with invented nodes, and a book of everything that the farm has decided."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from typing_extensions import override

from lightmill.domain.failures import FailureKind
from lightmill.domain.frames import FrameSet
from lightmill.domain.job import JobSpec, StepSpec, Wanted, Work, steps_with_test
from lightmill.domain.policy import Limit, NodeWish, Policy, Pool, Share
from lightmill.domain.resources import Needs
from lightmill.domain.states import JobState
from lightmill.messages.node_report import Outcome
from lightmill.messages.orders import Assignment
from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.facts import (
    BeatPassed,
    Fact,
    JobAsked,
    NodeAsked,
    PolicyChanged,
)
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.core.work import Job
from lightmill.scheduler.simulation import recovery
from lightmill.scheduler.simulation.audit import Audit
from lightmill.scheduler.simulation.database import Database
from lightmill.scheduler.simulation.idleness import idle_in_vain
from lightmill.scheduler.simulation.invented_node import InventedNode
from lightmill.scheduler.simulation.laws import hold
from lightmill.scheduler.simulation.policy_laws import Plan, overfull
from lightmill.scheduler.simulation.store import Store

START = datetime(2026, 1, 1, tzinfo=UTC)


class Stage:
    """Plays leader, database and nodes; every change is checked against the laws as it comes.

    Attributes:
        sound: Whether the last turn kept to all of them.

    Args:
        kind: The farm that decides; a mutant, to see the laws broken.
    """

    def __init__(self, *nodes: InventedNode, kind: type[Farm] = Farm) -> None:
        numbers = count()
        self.now = START
        self._kind = kind
        self._new_id = lambda: f"{next(numbers):08}"
        self.farm = kind(beat=1.0, new_id=self._new_id, now=START)
        self.nodes = {node.id: node for node in nodes}
        self.policy = Policy()
        self.sound = True
        self.database = Database()
        self.database.begin_epoch()
        self.audit = Audit(self.database, _Sealed(), self._is_on_machine)
        self.jobs: dict[str, Job] = {}
        self.results: Counter[tuple[str, int]] = Counter()
        self.assigned: list[Assignment] = []
        self.went: dict[str, str] = {}
        self.cancelled: list[str] = []
        self.recalled: list[str] = []
        self.settled: dict[str, bool] = {}
        self.last = Changes()
        self._versions: Counter[str] = Counter()
        self._idle: dict[str, datetime] = {}

    def observe(self, *facts: Fact) -> None:
        """One turn of the leader, with its commit and the delivery of what it sends."""
        self.sound = False
        for fact in facts:
            if isinstance(fact, JobAsked):
                self.database.ask(fact, self.now)
            elif isinstance(fact, PolicyChanged):
                self.policy = fact.policy
            self.farm.observe(fact, self.now)
        self.farm.plan(self.now)
        self.last = self.farm.take_changes()
        self._judge(self.last)
        self._book(self.last)
        self.sound = True

    def take_over(self) -> None:
        """Let the leader die, and another begin from what is committed."""
        found = recovery.snapshot(self.database.rows)
        self.database.begin_epoch()
        self.farm = self._kind(beat=1.0, new_id=self._new_id, now=self.now)
        self.farm.adopt(found.jobs, found.nodes, found.ceilings)
        self.observe(PolicyChanged(self.policy), *self.database.rows.wishes.values())

    def bring_back(self, job_id: str) -> None:
        """Have the leader read a job that has ended, as it does when something is asked of it."""
        self.farm.adopt(recovery.ended_jobs(self.database.rows, [job_id]))

    def wish(self, name: str, wish: NodeWish) -> None:
        """Let a person want something of a node, and forgive it."""
        wishes = self.database.rows.wishes
        forgiven = wishes[name].forgiven + 1 if name in wishes else 1
        wishes[name] = NodeAsked(node_id=name, wish=wish, forgiven=forgiven)
        self.observe(wishes[name])

    def report(self, *names: str) -> None:
        """Let these nodes report, or all."""
        self.observe(*(self.nodes[name].report() for name in names or self.nodes))

    def beats(self, number: int = 1, *, silent: tuple[str, ...] = ()) -> None:
        """Let beats pass; every node reports in each, but for the silent ones."""
        for _ in range(number):
            self.now += timedelta(seconds=1)
            self.observe(BeatPassed())
            for node in self.nodes.values():
                if node.id not in silent:
                    self.observe(node.report())

    def ask(  # noqa: PLR0913  # a job has many sides
        self,
        job_id: str,
        frames: str = "1-4",
        *,
        test: str | None = None,
        stop: bool = True,
        chunk: int | None = 1,
        needs: Needs | None = None,
        priority: int = 1,
        wanted: Wanted = Wanted.RUN,
        paused: bool = False,
        retries_wanted: int = 0,
        fifo: bool = False,
        user: str = "owner",
        tenant: str = "tenant",
        approved: bool = False,
        before: Mapping[str, JobState] | None = None,
        steps: tuple[StepSpec, ...] | None = None,
        spec: Mapping[str, Any] | None = None,
    ) -> None:
        """Submit a job, or ask something else of one that is there.

        `steps` stands for frames, test and chunk; `spec` is what else the specification says. It
        never changes after it was handed in.
        """
        self._versions[job_id] += 1
        first = self.database.rows.asked.get(job_id)
        steps = steps or _steps(frames, test, chunk, stop=stop)
        needs = needs or Needs(cores=1, ram=1)
        made = JobSpec(
            work=Work(engine="blender"), steps=steps, needs=needs, fifo=fifo, **(spec or {})
        )
        self.observe(
            JobAsked(
                job_id=job_id,
                tenant_id=tenant,
                owner_id=user,
                user=user,
                approved=approved,
                before=before or {},
                name=job_id,
                bundle_id=None,
                spec=first.spec if first else made,
                wanted=wanted,
                paused=paused,
                priority=priority,
                retries_wanted=retries_wanted,
                cleanups_wanted=0,
                version=self._versions[job_id],
                created_at=first.created_at if first else self.now,
            )
        )

    def decree(self, *shares: Share, preemption: bool = False, **parts: Limit | Pool) -> None:
        """Let this policy hold: shares, and limits and pools whose names do not matter here."""
        limits = {one.name: one for one in parts.values() if isinstance(one, Limit)}
        pools = {one.name: one for one in parts.values() if isinstance(one, Pool)}
        policy = Policy(
            pools=pools,
            limits=limits,
            shares={(share.tenant_id, share.user): share for share in shares},
            preemption=preemption,
        )
        self.decide(policy)

    def decide(self, policy: Policy) -> None:
        """Let this policy hold."""
        self.observe(PolicyChanged(policy))

    def run_all(
        self,
        name: str,
        outcome: Outcome = Outcome.SUCCEEDED,
        failure: FailureKind = FailureKind.ENGINE,
    ) -> None:
        """Let a node end everything that it holds."""
        node = self.nodes[name]
        for attempt_id in list(node.held):
            node.running.add(attempt_id)
            why = failure if outcome is Outcome.FAILED else None
            node.finish(attempt_id, outcome, why)
        self.report(name)

    def begin_all(self) -> None:
        """Let all nodes begin what they hold, and say so."""
        for node in self.nodes.values():
            node.begin()
        self.report()

    def held(self, name: str) -> list[str]:
        """Return the jobs of what a node holds, in the order in which it came."""
        return [assignment.job_id for assignment in self.nodes[name].held.values()]

    def render_everything(self, limit: int = 200) -> None:
        """Let all nodes render until nothing is held any more."""
        for _ in range(limit):
            self.beats()
            for name in self.nodes:
                self.run_all(name)
            if not any(node.held for node in self.nodes.values()) and not list(self.farm.jobs):
                return

    def state(self, job_id: str) -> JobState:
        """Return where a job stood after the last commit that touched it."""
        return self.jobs[job_id].state

    def frames_of(self, job_id: str) -> list[int]:
        """Return the frame numbers of a job in the order in which they were handed out."""
        return [f.frame for a in self.assigned if a.job_id == job_id for f in a.frames]

    def _book(self, changes: Changes) -> None:
        self.jobs.update(changes.jobs)
        for delivered in changes.delivered:
            key = (delivered.attempt.task.step.id, delivered.result.ordinal)
            self.results[key] += 1
            hold("one_result_a_frame", self.results[key] == 1, key)
        for (node_id, session), letter in changes.letters.items():
            assigned = letter.assignments()
            self.assigned += assigned
            self.went.update((order.attempt_id, node_id) for order in assigned)
            self.cancelled += letter.cancel
            self.recalled += letter.recall
            self.settled.update({s.attempt_id: s.applied for s in letter.settled})
            node = self.nodes[node_id]
            if session == f"{node.session:08}":
                node.obey(assigned, letter.cancel, letter.recall)
                for settled in letter.settled:
                    node.finishes.pop(settled.attempt_id, None)

    def _judge(self, changes: Changes) -> None:
        epoch = self.database.rows.epoch
        self.audit.before(changes, epoch)
        self.audit.planned(self.farm, self.policy, changes, self.now)
        self.database.commit(changes, epoch, ())
        self.audit.after(changes)
        for node in self.farm.nodes:
            over = list(overfull(node))
            hold("no_machine_is_promised_twice", not over, over)
        self._nothing_idles(changes)

    def _nothing_idles(self, changes: Changes) -> None:
        """Nothing takes time here, so a machine that could begin something has begun it.

        One with devices may keep free for a beat what other work waited for in the last.
        """
        rows = self.database.rows
        plan = Plan(farm=self.farm, policy=self.policy, changes=changes, rows=rows, now=self.now)
        idle = {node.id: (node, step) for node, step in idle_in_vain(plan)}
        self._idle = {node_id: self._idle.get(node_id, self.now) for node_id in idle}
        for node_id, (node, step) in idle.items():
            patience = timedelta(seconds=2) if node.offer.gpus else timedelta(0)
            what = f"{node.name} idles, {step.spec.name} of {step.job.id} waits"
            long = self.now - self._idle[node_id] >= patience
            hold("nothing_waits_while_a_machine_idles", not long, what)

    def _is_on_machine(self, node_id: str, attempt_id: str) -> bool:
        return attempt_id in self.nodes[node_id].held


class _Sealed(Store):
    """Files of nodes that render nothing: every one is whole."""

    @override
    def whole(self, key: str) -> bool:
        return True


def _steps(
    frames: str, test: str | None, chunk: int | None, *, stop: bool
) -> tuple[StepSpec, ...]:
    tests = FrameSet.parse(test) if test else None
    split = steps_with_test(FrameSet.parse(frames), tests, stop=stop)
    return tuple(replace(step, chunk=chunk) for step in split)

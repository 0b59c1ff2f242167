"""A farm with invented nodes, and a book of everything that the farm has decided."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from lightmill.domain.failures import FailureKind
from lightmill.domain.frames import FrameSet
from lightmill.domain.job import JobSpec, StepSpec, Wanted, Work, steps_with_test
from lightmill.domain.policy import Limit, Policy, Pool, Share
from lightmill.domain.resources import Gpu, Needs, Offer
from lightmill.domain.results import FrameResult, attempt_prefix
from lightmill.domain.states import JobState
from lightmill.messages.node_report import (
    Finish,
    FreedWorkspace,
    HeldAttempt,
    HeldState,
    NodeReport,
    Outcome,
)
from lightmill.messages.orders import Assignment
from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.facts import BeatPassed, Fact, JobAsked, NodeReported, PolicyChanged
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.core.work import Job
from lightmill.scheduler.simulation.laws import hold

_ONCE = "no_machine_is_promised_twice"
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class InventedNode:
    """Keeps the node's half of the protocol."""

    id: str
    offer: Offer
    session: int = 1
    sequence: int = 0
    held: dict[str, Assignment] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    finishes: dict[str, Finish] = field(default_factory=dict)
    freed: dict[str, int] = field(default_factory=dict)

    def report(self) -> NodeReported:
        """Return the next report."""
        self.sequence += 1
        return NodeReported(
            NodeReport(
                node_id=self.id,
                name=self.id,
                session=f"{self.session:08}",
                sequence=self.sequence,
                offer=self.offer,
                held=tuple(
                    HeldAttempt(
                        attempt_id=attempt_id,
                        state=HeldState.RUNNING
                        if attempt_id in self.running
                        else HeldState.QUEUED,
                    )
                    for attempt_id in self.held
                ),
                finishes=tuple(self.finishes.values()),
                freed=tuple(
                    FreedWorkspace(job_id=job_id, bytes=size)
                    for job_id, size in self.freed.items()
                ),
            )
        )

    def begin(self) -> None:
        """Begin what is held, in its order, as long as it fits."""
        free = self.offer.cores - sum(self.held[one].cores for one in self.running)
        for attempt_id, assignment in self.held.items():
            if attempt_id not in self.running:
                free -= assignment.cores
                if free < 0:
                    return
                self.running.add(attempt_id)

    def finish(
        self,
        attempt_id: str,
        outcome: Outcome = Outcome.SUCCEEDED,
        failure: FailureKind | None = None,
        delivered: int | None = None,
        seconds: float = 1.0,
    ) -> None:
        """End an attempt; `delivered` is the number of its first frames that it stored."""
        assignment = self.held.pop(attempt_id)
        self.running.discard(attempt_id)
        frames = assignment.frames if outcome is Outcome.SUCCEEDED else ()
        frames = frames if delivered is None else assignment.frames[:delivered]
        prefix = attempt_prefix(assignment.tenant_id, assignment.job_id, attempt_id)
        self.finishes[attempt_id] = Finish(
            attempt_id=attempt_id,
            outcome=outcome,
            failure=failure,
            detail=f"{failure}",
            delivered=tuple(
                FrameResult(
                    ordinal=frame.ordinal,
                    frame=frame.frame,
                    key=f"{prefix}{frame.frame:04}.png",
                    thumbnail_key=None,
                    blake3="",
                    size=1,
                    width=1,
                    height=1,
                    media_type="image/png",
                    seconds=seconds,
                )
                for frame in frames
            ),
        )

    def obey(
        self, assign: Iterable[Assignment], cancel: Iterable[str], recall: Iterable[str]
    ) -> None:
        """Do as the leader says, at once."""
        self.held.update((assignment.attempt_id, assignment) for assignment in assign)
        for attempt_id in cancel:
            if attempt_id in self.held:
                self.finish(attempt_id, Outcome.CANCELLED)
        for attempt_id in recall:
            if attempt_id in self.held and attempt_id not in self.running:
                self.finish(attempt_id, Outcome.RECALLED)

    def crash(self) -> None:
        """Lose everything but the journal, and come back with a new session."""
        self.held.clear()
        self.running.clear()
        self.reconnect()

    def reconnect(self) -> None:
        """Come back with a new session and everything that is held."""
        self.session += 1
        self.sequence = 0


class Stage:
    """Plays leader, database and nodes; every change is checked against the laws as it comes."""

    def __init__(self, *nodes: InventedNode) -> None:
        numbers = count()
        self.now = START
        self.farm = Farm(beat=1.0, new_id=lambda: f"{next(numbers):08}", now=START)
        self.nodes = {node.id: node for node in nodes}
        self.jobs: dict[str, Job] = {}
        self.results: Counter[tuple[str, int]] = Counter()
        self.assigned: list[Assignment] = []
        self.went: dict[str, str] = {}
        self.cancelled: list[str] = []
        self.recalled: list[str] = []
        self.settled: dict[str, bool] = {}
        self.last = Changes()
        self._versions: Counter[str] = Counter()

    def observe(self, *facts: Fact) -> None:
        """One turn of the leader, with its commit and the delivery of what it sends."""
        for fact in facts:
            self.farm.observe(fact, self.now)
        self.farm.plan(self.now)
        self.last = self.farm.take_changes()
        self._book(self.last)

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

        `steps` stands for frames, test and chunk; `spec` is what else the specification says.
        """
        self._versions[job_id] += 1
        if steps is None:
            tests = FrameSet.parse(test) if test else None
            split = steps_with_test(FrameSet.parse(frames), tests, stop=stop)
            steps = tuple(replace(step, chunk=chunk) for step in split)
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
                spec=JobSpec(
                    work=Work(engine="blender"),
                    steps=steps,
                    needs=needs or Needs(cores=1, ram=1),
                    fifo=fifo,
                    **(spec or {}),
                ),
                wanted=wanted,
                paused=paused,
                priority=priority,
                retries_wanted=retries_wanted,
                cleanups_wanted=0,
                version=self._versions[job_id],
                created_at=self.now,
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
            self.assigned += letter.assign
            self.went.update((order.attempt_id, node_id) for order in letter.assign)
            self.cancelled += letter.cancel
            self.recalled += letter.recall
            self.settled.update({s.attempt_id: s.applied for s in letter.settled})
            node = self.nodes[node_id]
            if session == f"{node.session:08}":
                node.obey(letter.assign, letter.cancel, letter.recall)
                for settled in letter.settled:
                    node.finishes.pop(settled.attempt_id, None)
        self._check_capacity()

    def _check_capacity(self) -> None:
        for node in self.farm.nodes:
            hold(_ONCE, node.free_cores >= 0, "more cores granted than the node has")
            hold(_ONCE, node.free_ram >= 0, "more memory granted than the node has")
            indices = [index for attempt in node.held.values() for index in attempt.gpus]
            hold(_ONCE, len(indices) == len(set(indices)), "a GPU granted twice")
            hold(_ONCE, len(node.ahead) <= 1, "more than one order waits on the node")


def machine(
    name: str, cores: int = 4, engine: str = "blender", ram: int = 100, gpus: tuple[Gpu, ...] = ()
) -> InventedNode:
    """Return a node that carries its name as a tag."""
    offer = Offer(cores=cores, ram=ram, engines={engine: ("4.5",)}, tags=(name,), gpus=gpus)
    return InventedNode(id=name, offer=offer)

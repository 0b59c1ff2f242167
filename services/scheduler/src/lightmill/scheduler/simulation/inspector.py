"""Watches a simulated farm from outside: rows, files, machines and what leaders believe."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from lightmill.domain.policy import Policy
from lightmill.domain.resources import obstacle
from lightmill.domain.states import AttemptState, NodeState
from lightmill.messages.attempts_settled import AttemptsSettled
from lightmill.messages.job_wanted import JobWanted
from lightmill.messages.node_report import HeldState, NodeReport
from lightmill.messages.orders import Orders
from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.facts import Fact, NodeReported
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.work import Step
from lightmill.scheduler.simulation.audit import Audit
from lightmill.scheduler.simulation.database import Database
from lightmill.scheduler.simulation.fairness import Fairness
from lightmill.scheduler.simulation.idleness import idle_in_vain
from lightmill.scheduler.simulation.kernel import Kernel
from lightmill.scheduler.simulation.laws import hold
from lightmill.scheduler.simulation.machine_room import Held
from lightmill.scheduler.simulation.node import SimulatedNode
from lightmill.scheduler.simulation.policy_laws import Plan
from lightmill.scheduler.simulation.store import Store

_IDLE_BEATS = 5
_PROMPT = 1.0


class Inspector:
    """Judges everything that happens, as it happens.

    Attributes:
        calm: Whether no fault has happened for a while, so that no machine may idle.
        nodes: The machines as they really are.
        waits: By job, the second at which its first frame began to render.
    """

    def __init__(self, kernel: Kernel, database: Database, store: Store) -> None:
        self.kernel = kernel
        self.database = database
        self.store = store
        self.calm = False
        self.nodes: Mapping[str, SimulatedNode] = {}
        self.finished: set[str] = set()
        self.settled: set[str] = set()
        self.waits: dict[str, float] = {}
        self.failures: Counter[str] = Counter()
        self.quarantines = 0
        self.fairness = Fairness()
        self._born: dict[str, float] = {}
        self.audit = Audit(database, store, self._on_machine)
        self._began: set[str] = set()
        self._cancelled: dict[str, set[str]] = defaultdict(set)
        self._epochs: Counter[str] = Counter()
        self._idle: Counter[str] = Counter()
        self._farm: dict[int, Farm] = {}
        self._known: dict[int, set[str]] = {}
        self._heard: dict[int, dict[str, NodeReport]] = {}
        store.written = self.written

    # What leaders do

    def took_over(self, epoch: int, farm: Farm) -> None:
        """A leader has read what lives."""
        self._farm = {epoch: farm}
        self._known = {epoch: {a.id for node in farm.nodes for a in node.held.values()}}
        self._heard = {epoch: {}}

    def heard(self, epoch: int, farm: Farm, fact: Fact) -> None:
        """A leader is about to take in a fact."""
        if isinstance(fact, NodeReported) and epoch in self._heard and farm is not None:
            self._heard[epoch][fact.report.node_id] = fact.report

    def acknowledged(self, wanted: JobWanted) -> None:
        """A doorbell will not ring again: acknowledged_means_applied."""
        row = self.database.rows.jobs.get(wanted.job_id)
        applied = row is not None and row.applied_version >= wanted.version
        hold("acknowledged_means_applied", applied, wanted)

    def before_commit(self, changes: Changes, epoch: int, now: datetime) -> None:
        """Look at what a commit is about to change, which was decided at `now`."""
        self.audit.before(changes, epoch)
        farm, policy = self._farm.get(epoch), self.database.rows.policy
        if farm is not None and policy is not None:
            self.audit.planned(farm, policy, changes, now)
            self._note(changes)
        self._orders_find_room(changes, epoch)

    def after_commit(self, changes: Changes, epoch: int) -> None:
        """Look at what the rows say now."""
        self.audit.after(changes)
        born = [attempt.id for attempt in changes.born]
        self._born.update(dict.fromkeys(born, self.kernel.seconds))
        if epoch in self._known:
            self._known[epoch].update(born)
        for letter in changes.letters.values():
            self.settled.update(one.attempt_id for one in letter.settled)

    def farm_seen(self, farm: Farm, now: datetime) -> None:
        """A beat is over; look at what a live leader believes."""
        refused = self.database.refused
        hold("rows_are_as_memory_has_them", not refused, refused)
        if self.calm:
            for node in farm.nodes:
                fits = (
                    node.free_cores >= 0 and node.free_ram >= 0 and len(node.ahead) <= node.depth
                )
                hold("no_machine_is_promised_twice", fits, node.name)
            self._nothing_waits_while_a_machine_idles(farm, now)
        policy = self.database.rows.policy
        if policy is not None:
            self.fairness.look(self._plan(farm, policy, now))

    # What machines do

    def began(self, node: SimulatedNode, held: Held) -> None:
        """An engine begins."""
        name = held.assignment.attempt_id
        hold("no_attempt_begins_twice", name not in self._began, name)
        self._began.add(name)
        self.waits.setdefault(held.assignment.job_id, self.kernel.seconds)
        refused = name in self._cancelled[node.name]
        hold("a_cancelled_order_never_begins", not refused, name)
        using = [h.assignment for h in node.room.held.values() if h.began is not None]
        fits = sum(a.cores for a in using) <= node.room.offer.cores
        fits = fits and sum(a.ram for a in using) <= node.room.offer.ram
        devices = [index for assignment in using for index in assignment.gpus]
        fits = fits and len(devices) == len(set(devices))
        hold("machines_are_not_overfilled", fits, node.name)

    def ended(self, node: SimulatedNode, attempt_id: str) -> None:
        """An end stands in the journal of `node`."""
        hold("an_attempt_ends_where_it_began", attempt_id in self._began, (node.name, attempt_id))
        self.finished.add(attempt_id)

    def obeyed(self, node: SimulatedNode, orders: Orders) -> None:
        """Orders have been carried out."""
        newest = max(self._epochs[node.name], node.room.epoch)
        older = node.room.epoch < newest
        self.audit.prompt.update(
            one.attempt_id
            for one in orders.assign
            if self.kernel.seconds - self._born[one.attempt_id] < _PROMPT
        )
        hold("no_machine_follows_a_deposed_leader", not older, (node.name, orders.epoch))
        self._epochs[node.name] = newest
        if orders.epoch == newest:
            self._cancelled[node.name].update(
                name for name in orders.cancel if name not in self._began
            )

    def forgot(self, node: SimulatedNode, settled: AttemptsSettled) -> None:
        """A machine is about to take ends for settled: settled_means_committed."""
        rows = self.database.rows
        for one in settled.attempts:
            row = rows.attempts.get(one.attempt_id)
            committed = row is not None and not row.live
            hold("settled_means_committed", committed, (node.name, one))
        for frames in settled.frames:
            row = rows.attempts[frames.attempt_id]
            committed = all((row.step_id, o) in rows.results for o in frames.ordinals)
            hold("settled_means_committed", committed, (node.name, frames))

    def written(self, key: str) -> None:
        """Someone writes a file."""
        hold("accepted_files_never_change", key not in self.audit.accepted, key)

    # How it ends

    def end(self, live: Iterable[str]) -> None:
        """Judge a farm that has had all the time that it needs."""
        unended = sorted(live)
        hold("every_job_ends", not unended, unended)
        unsettled = sorted(self.finished - self.settled)
        hold("every_finish_is_settled", not unsettled, unsettled)
        left = list(self.database.rows.outbox.values())
        hold("every_message_leaves", not left, left[:2])

    def _orders_find_room(self, changes: Changes, epoch: int) -> None:
        """Judge whether what is handed to a machine fits beside what it says it renders.

        An order that took longer to arrive than leaders wait for it is left out: they have
        taken it for lost, and the machine itself keeps what fits from what does not.
        """
        farm = self._farm.get(epoch)
        if farm is None:
            return
        busy = {attempt.node_id for attempt in changes.born if not attempt.ahead}
        for node in farm.nodes:
            report = self._heard[epoch].get(node.id)
            if node.id not in busy or report is None:
                continue
            if (report.session, report.sequence) != (node.session, node.sequence):
                continue
            named = {held.attempt_id for held in report.held if held.state is HeldState.RUNNING}
            wanted = {a.id: a.cores for a in node.held.values() if not a.ended}
            for name in named & self._known[epoch]:
                row = self.database.rows.attempts[name]
                if row.state is not AttemptState.LOST and (row.begun or name in self.audit.prompt):
                    wanted[name] = row.cores
            room = sum(wanted.values()) <= node.offer.cores
            hold("orders_find_room", room, (node.name, wanted))

    def _on_machine(self, node_id: str, attempt_id: str) -> bool:
        return attempt_id in self.nodes[node_id].room.held

    def _nothing_waits_while_a_machine_idles(self, farm: Farm, now: datetime) -> None:
        """Judge whether a machine has stood idle although something waits that fits it."""
        wasted = self._wasted(farm, now)
        for node in farm.nodes:
            self._idle[node.id] = self._idle[node.id] + 1 if node.id in wasted else 0
            long = self._idle[node.id] > _IDLE_BEATS
            hold("nothing_waits_while_a_machine_idles", not long, node.name)

    def _wasted(self, farm: Farm, now: datetime) -> set[str]:
        policy = self.database.rows.policy
        if policy is not None:
            return {node.id for node, _ in idle_in_vain(self._plan(farm, policy, now))}
        waiting = [step for job in farm.jobs for step in job.steps if _waits(step, now)]
        idle = (n for n in farm.nodes if n.takes_work and not n.held and not n.ahead)
        return {node.id for node in idle if any(_could(step, node, now) for step in waiting)}

    def _plan(self, farm: Farm, policy: Policy, now: datetime) -> Plan:
        rows = self.database.rows
        return Plan(farm=farm, policy=policy, changes=Changes(), rows=rows, now=now)

    def _note(self, changes: Changes) -> None:
        self.failures.update(
            str(move.failure) for move in changes.moved if move.failure is not None
        )
        for node in changes.nodes.values():
            row = self.database.rows.nodes.get(node.id)
            was = None if row is None else row.state
            self.quarantines += node.state is NodeState.QUARANTINED is not was


def _waits(step: Step, now: datetime) -> bool:
    job = step.job
    return not job.paused and not job.ended and step.open and step.waiting.has_due(now)


def _could(step: Step, node: Node, now: datetime) -> bool:
    if node.reserved is not None or step.waiting.avoided(now) == node.id:
        return False
    if step.held_until is not None and now < step.held_until:
        return False
    return obstacle(step.needs, step.work.engine, node.offer) is None

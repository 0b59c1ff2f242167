"""A render node that keeps its half of the protocol and has no faults, on nobody's clock."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from lightmill.domain.resources import Offer
from lightmill.domain.results import attempt_prefix
from lightmill.messages.node_report import Finish, HeldAttempt, HeldState, NodeReport, Outcome
from lightmill.messages.orders import Assignment
from lightmill.scheduler.core.changes import Letter
from lightmill.scheduler.core.facts import NodeReported
from lightmill.scheduler.simulation.invented_result import invented_result

SESSION = f"{1:08}"


@dataclass(slots=True)
class Machine:
    """Begins its orders in turn, as soon as they fit.

    Attributes:
        queue: Orders that wait for room.
        running: Orders under way, by attempt.
    """

    id: str
    offer: Offer
    queue: dict[str, Assignment] = field(default_factory=dict)
    running: dict[str, Assignment] = field(default_factory=dict)
    _finishes: dict[str, Finish] = field(default_factory=dict)
    _sequence: int = 0
    _cores: int = 0
    _ram: int = 0
    _gpus: int = 0

    def obey(self, letter: Letter) -> list[str]:
        """Do as the leader says; return the attempts that it calls off while they run."""
        for settled in letter.settled:
            self._finishes.pop(settled.attempt_id, None)
        self.queue.update((order.attempt_id, order) for order in letter.assignments())
        for attempt_id in {*letter.recall, *letter.cancel} & self.queue.keys():
            self._finish(self.queue.pop(attempt_id), Outcome.RECALLED, 0.0)
        return [attempt_id for attempt_id in letter.cancel if attempt_id in self.running]

    def begin(self) -> Iterable[Assignment]:
        """Begin what fits, in the order of its coming, and yield it."""
        while self.queue:
            order = next(iter(self.queue.values()))
            if not self._has_room(order):
                return
            del self.queue[order.attempt_id]
            self.running[order.attempt_id] = order
            self._take(order, 1)
            yield order

    def end(self, attempt_id: str, seconds: float, outcome: Outcome = Outcome.SUCCEEDED) -> None:
        """End an attempt whose frames took `seconds` each."""
        order = self.running.pop(attempt_id)
        self._take(order, -1)
        self._finish(order, outcome, seconds)

    def report(self) -> NodeReported:
        """Return the whole truth about this machine."""
        self._sequence += 1
        queued = [HeldAttempt(attempt_id=one, state=HeldState.QUEUED) for one in self.queue]
        running = [HeldAttempt(attempt_id=one, state=HeldState.RUNNING) for one in self.running]
        return NodeReported(
            NodeReport(
                node_id=self.id,
                name=self.id,
                session=SESSION,
                sequence=self._sequence,
                offer=self.offer,
                held=(*running, *queued),
                finishes=tuple(self._finishes.values()),
            )
        )

    def _has_room(self, order: Assignment) -> bool:
        offer = self.offer
        return (
            self._cores + order.cores <= offer.cores
            and self._ram + order.ram <= offer.ram
            and self._gpus + len(order.gpus) <= len(offer.gpus)
        )

    def _take(self, order: Assignment, sign: int) -> None:
        self._cores += sign * order.cores
        self._ram += sign * order.ram
        self._gpus += sign * len(order.gpus)

    def _finish(self, order: Assignment, outcome: Outcome, seconds: float) -> None:
        frames = order.frames if outcome is Outcome.SUCCEEDED else ()
        prefix = attempt_prefix(order.tenant_id, order.job_id, order.attempt_id)
        self._finishes[order.attempt_id] = Finish(
            attempt_id=order.attempt_id,
            outcome=outcome,
            seconds=seconds * len(order.frames),
            delivered=tuple(
                invented_result(frame, f"{prefix}{frame.frame}.png", seconds) for frame in frames
            ),
        )

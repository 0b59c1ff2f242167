"""A node that keeps its half of the protocol and renders nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from lightmill.domain.failures import FailureKind
from lightmill.domain.resources import Gpu, Offer
from lightmill.domain.results import attempt_prefix
from lightmill.messages.node_report import (
    Finish,
    FreedWorkspace,
    HeldAttempt,
    HeldState,
    NodeReport,
    Outcome,
)
from lightmill.messages.orders import Assignment
from lightmill.scheduler.core.facts import NodeReported
from lightmill.scheduler.simulation.invented_result import invented_result


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
        cores = self.offer.cores - sum(self.held[one].cores for one in self.running)
        ram = self.offer.ram - sum(self.held[one].ram for one in self.running)
        for attempt_id, assignment in self.held.items():
            if attempt_id not in self.running:
                cores, ram = cores - assignment.cores, ram - assignment.ram
                if cores < 0 or ram < 0:
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
                invented_result(frame, f"{prefix}{frame.frame:04}.png", seconds)
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


def machine(
    name: str, cores: int = 4, engine: str = "blender", ram: int = 100, gpus: tuple[Gpu, ...] = ()
) -> InventedNode:
    """Return a node that carries its name as a tag."""
    offer = Offer(cores=cores, ram=ram, engines={engine: ("4.5",)}, tags=(name,), gpus=gpus)
    return InventedNode(id=name, offer=offer)

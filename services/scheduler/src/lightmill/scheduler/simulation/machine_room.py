"""What one simulated machine holds, and the rules by which orders change it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from lightmill.domain.failures import FailureKind
from lightmill.domain.resources import Offer
from lightmill.domain.results import FrameResult
from lightmill.messages.attempts_settled import AttemptsSettled
from lightmill.messages.node_report import Finish, HeldAttempt, HeldState, Outcome
from lightmill.messages.orders import Assignment, Orders
from lightmill.scheduler.simulation.wire import made

_STEP = 5.0


@dataclass(slots=True, eq=False)
class Held:
    """An attempt in the hands of the node.

    Attributes:
        began: When its engine began; None while it waits.
        delivered: Frames stored.
        settled: Ordinals of them that the leader has committed.
        killed: Why it was told to end.
    """

    assignment: Assignment
    began: float | None = None
    delivered: list[FrameResult] = field(default_factory=list)
    settled: set[int] = field(default_factory=set)
    killed: Outcome | None = None
    _told: tuple[tuple[object, ...], HeldAttempt] | None = None

    def shown(self, now: float) -> HeldAttempt:
        """Return what a report says of it; its running time is told in steps of five seconds."""
        began = self.began
        running = 0.0 if began is None else (now - began) // _STEP * _STEP
        state = (began is None, running, len(self.delivered), len(self.settled))
        if self._told is None or self._told[0] != state:
            self._told = state, self._shown(running)
        return self._told[1]

    def _shown(self, running: float) -> HeldAttempt:
        frames = len(self.assignment.frames)
        return HeldAttempt(
            attempt_id=self.assignment.attempt_id,
            state=HeldState.QUEUED if self.began is None else HeldState.RUNNING,
            progress=len(self.delivered) / frames,
            running_seconds=running,
            delivered=tuple(r for r in self.delivered if r.ordinal not in self.settled),
        )

    def ended(
        self, outcome: Outcome, failure: FailureKind | None = None, detail: str = ""
    ) -> Finish:
        """Return its end."""
        return made(
            Finish,
            attempt_id=self.assignment.attempt_id,
            outcome=outcome,
            delivered=tuple(self.delivered),
            failure=failure,
            detail=detail,
            seconds=0.0,
        )


@dataclass(eq=False)
class MachineRoom:
    """The node's side of the protocol, without clock, broker or engine.

    Attributes:
        epoch: Of the newest leader that was heard; in the journal.
        finishes: Ends that are not settled; in the journal.
        refused: Ids that are not taken again; in the journal.
        over: Ids of ends that are settled; in memory.
    """

    offer: Offer
    epoch: int = 0
    held: dict[str, Held] = field(default_factory=dict)
    finishes: dict[str, Finish] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    over: set[str] = field(default_factory=set)

    def restart(self) -> None:
        """Lose what is not in the journal."""
        self.held.clear()
        self.over.clear()

    def obey(self, orders: Orders) -> list[Held]:
        """Apply orders; returns the attempts whose engines are to be killed."""
        if self.outdated(orders):
            return []
        self.epoch = orders.epoch
        kill = [
            held
            for names, outcome in (
                (orders.cancel, Outcome.CANCELLED),
                (orders.recall, Outcome.RECALLED),
            )
            for name in names
            if (held := self.stop(name, outcome))
        ]
        for assignment in orders.assign:
            self.take(assignment)
        return kill

    def outdated(self, orders: Orders) -> bool:
        """Tell whether the orders come from a leader that is no longer one."""
        return orders.epoch < self.epoch

    def take(self, assignment: Assignment) -> None:
        """Hold an assignment, unless it is known already or was cancelled before it came."""
        name = assignment.attempt_id
        if name in self.held or name in self.finishes or name in self.over:
            return
        held = Held(assignment)
        if name in self.refused:
            self.finish(held.ended(Outcome.CANCELLED))
        else:
            self.held[name] = held

    def stop(self, name: str, outcome: Outcome) -> Held | None:
        """End an attempt that has not begun; return it when its engine has to be killed first."""
        held = self.held.get(name)
        running = held is not None and held.began is not None
        if name in self.over or (running and outcome is Outcome.RECALLED):
            return None
        self.refused.add(name)
        if held is None:
            if name not in self.finishes:
                self.finish(
                    made(
                        Finish,
                        attempt_id=name,
                        outcome=outcome,
                        delivered=(),
                        failure=None,
                        detail="",
                        seconds=0.0,
                    )
                )
            return None
        if running and held.killed is None:
            held.killed = outcome
            return held
        if not running:
            self.finish(held.ended(outcome))
        return None

    def finish(self, finish: Finish) -> None:
        """Write an end into the journal."""
        self.held.pop(finish.attempt_id, None)
        self.finishes[finish.attempt_id] = finish

    def settle(self, settled: AttemptsSettled) -> list[str]:
        """Forget what is committed; returns the attempts whose end it was."""
        for frames in settled.frames:
            if frames.attempt_id in self.held:
                self.held[frames.attempt_id].settled.update(frames.ordinals)
        names = [one.attempt_id for one in settled.attempts if one.attempt_id in self.finishes]
        for name in dict.fromkeys(names):
            del self.finishes[name]
            self.over.add(name)
        return names

    def startable(self) -> list[Held]:
        """Return what fits beside what renders, in order, none overtaking."""
        using = [held.assignment for held in self.held.values() if held.began is not None]
        cores = self.offer.cores - sum(assignment.cores for assignment in using)
        ram = self.offer.ram - sum(assignment.ram for assignment in using)
        taken = {index for assignment in using for index in assignment.gpus}
        found = []
        for held in self.held.values():
            if held.began is not None:
                continue
            if held.assignment.cores > cores or held.assignment.ram > ram:
                break
            if not taken.isdisjoint(held.assignment.gpus):
                break
            taken.update(held.assignment.gpus)
            cores -= held.assignment.cores
            ram -= held.assignment.ram
            found.append(held)
        return found

    def shown(self, now: float) -> tuple[HeldAttempt, ...]:
        """Return what a report says of everything held."""
        return tuple(held.shown(now) for held in self.held.values())

    def unsettled(self) -> Iterable[Finish]:
        """Return the ends that a report repeats."""
        return tuple(self.finishes.values())

"""Everything that the node holds, and the rules by which orders change it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from lightmill.domain.failures import FailureKind
from lightmill.domain.resources import Offer, is_as_strong
from lightmill.messages.attempts_settled import AttemptsSettled
from lightmill.messages.node_report import Finish, HeldAttempt, Outcome
from lightmill.messages.orders import Assignment, Orders
from lightmill.render_node.core.held import Held, Phase
from lightmill.render_node.core.remembered import Remembered


@dataclass(slots=True)
class Obeyed:
    """What orders led to.

    Attributes:
        taken: Assignments that the node now holds.
        refused: Names that the node will not take again.
        ended: Attempts that ended by the orders alone.
        kill: Attempts with work going on that has to be stopped; they end when it has.
    """

    taken: list[Assignment] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    ended: list[Finish] = field(default_factory=list)
    kill: list[str] = field(default_factory=list)


class Attempts:
    """The attempts of one node: held, finished and not yet settled, refused.

    An attempt is held, or its finish is, never both. Time is handed in.
    """

    def __init__(
        self,
        offer: Offer,
        *,
        epoch: int = 0,
        finishes: Iterable[Finish] = (),
        refused: Iterable[str] = (),
        max_waiting: int = 32,
    ) -> None:
        self.offer = offer
        self.epoch = epoch
        self.draining = False
        self._held: dict[str, Held] = {}
        self._finishes = {finish.attempt_id: finish for finish in finishes}
        self._refused = Remembered(refused)
        self._over = Remembered(limit=10_000)
        self._max_waiting = max_waiting

    def __getitem__(self, attempt_id: str) -> Held:
        return self._held[attempt_id]

    def __contains__(self, attempt_id: str) -> bool:
        return attempt_id in self._held

    @property
    def held(self) -> Sequence[Held]:
        """What is held, in the order in which it came."""
        return tuple(self._held.values())

    @property
    def finishes(self) -> tuple[Finish, ...]:
        """Ends that the leader has not settled."""
        return tuple(self._finishes.values())

    @property
    def refused(self) -> Remembered:
        """Names that are not taken (again)."""
        return self._refused

    def shown(self, now: float) -> tuple[HeldAttempt, ...]:
        """Return what a report says of everything held."""
        return tuple(held.shown(now) for held in self._held.values())

    def obey(self, orders: Orders, now: float) -> Obeyed | None:
        """Apply `orders`, or return None when they come from a leader that is no longer one."""
        if orders.epoch < self.epoch:
            return None
        self.epoch = orders.epoch
        if orders.drain is not None:
            self.draining = orders.drain
        obeyed = Obeyed()
        # A cancel may stand beside its own assignment in one batch, so it goes first.
        for attempt_id in orders.cancel:
            self._stop(attempt_id, Outcome.CANCELLED, obeyed, now)
        for attempt_id in orders.recall:
            self._recall(attempt_id, obeyed, now)
        for assignment in orders.assign:
            self._take(assignment, obeyed, now)
        return obeyed

    def drain(self, now: float) -> Obeyed:
        """Take no more orders, and give back what has not begun."""
        self.draining = True
        obeyed = Obeyed()
        for held in self.held:
            self._recall(held.attempt_id, obeyed, now)
        return obeyed

    def hinder(self, hindrances: tuple[str, ...], now: float) -> Obeyed:
        """Take no orders while there are hindrances, and give back what has not begun."""
        self.offer = replace(self.offer, hindrances=hindrances)
        obeyed = Obeyed()
        for held in self.held if hindrances else ():
            self._recall(held.attempt_id, obeyed, now)
        return obeyed

    def give_back(self) -> None:
        """Let whatever is stopped from here on end as given back, and as nobody's fault."""
        for held in self._held.values():
            held.killed = held.killed or Outcome.RECALLED

    @property
    def takes_work(self) -> bool:
        """Whether orders are taken."""
        return not self.draining and not self.offer.hindrances

    def startable(self) -> list[Held]:
        """Return the queued attempts that fit beside what renders, in order, none overtaking."""
        waiting = self._waiting()
        if not waiting:
            return []
        using = [held.grant for held in self._held.values() if held.uses_grant]
        found = []
        for held in waiting:
            if not held.grant.fits(self.offer, using):
                break
            using.append(held.grant)
            found.append(held)
        return found

    def reserve(self, attempt_id: str) -> None:
        """Keep what was granted for this attempt: it starts as soon as its files are here."""
        self._held[attempt_id].phase = Phase.STARTING

    def begin(self, attempt_id: str, now: float) -> None:
        """Note that the engine begins; from here on the attempt cannot be given back."""
        held = self._held[attempt_id]
        held.phase, held.began = Phase.RENDERING, now

    def rendered(self, attempt_id: str) -> None:
        """Note that the engine has done its part: others may use what was granted."""
        self._held[attempt_id].phase = Phase.DELIVERING

    def finish(self, finish: Finish) -> None:
        """Turn a held attempt into its finish."""
        self._held.pop(finish.attempt_id, None)
        self._finishes[finish.attempt_id] = finish

    def settle(self, settled: AttemptsSettled) -> list[str]:
        """Forget what the leader has committed; returns the attempts whose finish is settled."""
        for frames in settled.frames:
            if frames.attempt_id in self._held:
                self._held[frames.attempt_id].settled.update(frames.ordinals)
        # The leader may have heard of one finish twice before it committed.
        told = dict.fromkeys(one.attempt_id for one in settled.attempts)
        names = [name for name in told if name in self._finishes]
        for name in names:
            del self._finishes[name]
            self._over.add(name)
        return names

    def holds_job(self, owner: str, job_id: str) -> bool:
        """Tell whether anything of the job is held."""
        return any(
            (held.assignment.owner, held.assignment.job_id) == (owner, job_id)
            for held in self._held.values()
        )

    def _waiting(self) -> list[Held]:
        return [held for held in self._held.values() if held.phase is Phase.QUEUED]

    def _take(self, assignment: Assignment, obeyed: Obeyed, now: float) -> None:
        name = assignment.attempt_id
        if name in self._held or name in self._finishes:
            return
        held = Held(assignment=assignment)
        excess = held.grant.excess(self.offer) or self._weakness(assignment)
        if name in self._refused:
            self._end(held.ended(Outcome.CANCELLED, now), obeyed)
        elif name in self._over:
            return
        elif excess is not None:
            failed = held.ended(Outcome.FAILED, now, failure=FailureKind.NODE, detail=excess)
            self._end(failed, obeyed)
        elif not self.takes_work or len(self._waiting()) > self._max_waiting:
            self._end(held.ended(Outcome.RECALLED, now), obeyed)
        else:
            self._held[name] = held
            obeyed.taken.append(assignment)

    def _weakness(self, assignment: Assignment) -> str | None:
        """Return in words that engines are not shut in here as the job or its pool demands."""
        if is_as_strong(self.offer.sandbox, assignment.sandbox):
            return None
        return f"sandbox {assignment.sandbox} demanded, engines run at {self.offer.sandbox} here"

    def _recall(self, name: str, obeyed: Obeyed, now: float) -> None:
        if name not in self._held or self._held[name].recallable:
            self._stop(name, Outcome.RECALLED, obeyed, now)

    def _stop(self, name: str, outcome: Outcome, obeyed: Obeyed, now: float) -> None:
        """End an attempt that has not begun, or have it killed.

        One that was never here ends at once too: the leader then need not wait for it.
        """
        if name in self._over:
            return
        self._refused.add(name)
        obeyed.refused.append(name)
        held = self._held.get(name)
        if held is None:
            if name not in self._finishes:
                self._end(Finish(attempt_id=name, outcome=outcome), obeyed)
            return
        obeyed.kill.append(name)
        if held.recallable:
            self._end(held.ended(outcome, now), obeyed)
        else:
            held.killed = outcome

    def _end(self, finish: Finish, obeyed: Obeyed) -> None:
        self.finish(finish)
        obeyed.ended.append(finish)

"""A render machine on a simulated process: sessions, beats, engines that take invented time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from lightmill.domain.failures import FailureKind
from lightmill.domain.resources import Offer
from lightmill.domain.results import attempt_prefix
from lightmill.messages.attempts_settled import AttemptsSettled
from lightmill.messages.message import Message
from lightmill.messages.node_report import NodeReport, Outcome
from lightmill.messages.orders import Assignment, Orders
from lightmill.messages.topology import session_key
from lightmill.scheduler.simulation.broker import Broker, Link
from lightmill.scheduler.simulation.invented_result import invented_result
from lightmill.scheduler.simulation.kernel import Kernel, Process
from lightmill.scheduler.simulation.machine_room import Held, MachineRoom
from lightmill.scheduler.simulation.store import Store
from lightmill.scheduler.simulation.wire import made

_GATHER = 0.02  # seconds between a change and the report that tells of it
_PAUSE = 0.5  # seconds between two tries to connect


Trouble = Callable[[str, Assignment], FailureKind | None]


def sound(_machine: str, _assignment: Assignment) -> FailureKind | None:
    """Let every frame succeed."""
    return None


@dataclass(kw_only=True)
class Rendering:
    """How engines behave at the moment.

    Attributes:
        seconds: Of one frame, as the job has it.
        trouble: Says of a frame that has been rendered on a machine how it failed, or None.
        failing: Share of the frames that fail, and how.
        kill: Seconds that a kill takes.
        upload: Seconds that a file takes.
    """

    seconds: Callable[[str, int], float]
    trouble: Trouble = sound
    failing: float = 0.0
    kinds: tuple[FailureKind, ...] = (FailureKind.ENGINE,)
    kill: tuple[float, float] = (0.02, 0.1)
    upload: tuple[float, float] = (0.02, 0.1)


class Witness(Protocol):
    """Sees what really happens on a machine."""

    def began(self, node: "SimulatedNode", held: Held) -> None:
        """An engine begins."""
        ...

    def ended(self, node: "SimulatedNode", attempt_id: str) -> None:
        """An end stands in the journal."""
        ...

    def obeyed(self, node: "SimulatedNode", orders: Orders) -> None:
        """Orders have been carried out."""
        ...

    def forgot(self, node: "SimulatedNode", settled: AttemptsSettled) -> None:
        """The node takes these ends for settled."""
        ...


@dataclass(kw_only=True)
class Site:
    """What all machines share."""

    kernel: Kernel
    broker: Broker
    store: Store
    rendering: Rendering
    witness: Witness
    room: type[MachineRoom] = MachineRoom


class SimulatedNode:
    """One machine; `pace` is how fast its clock runs, `skew` by how much it is off."""

    def __init__(
        self, name: str, offer: Offer, site: Site, pace: float = 1.0, skew: float = 0.0
    ) -> None:
        self.name = name
        self.site = site
        self.pace = pace
        self.skew = skew
        self.process = Process(site.kernel)
        self.room = site.room(offer)
        self.session = ""
        self.link: Link | None = None
        self.busy_seconds = 0.0
        self._sequence = 0
        self._told = False
        self._cut_until = 0.0

    def connect(self) -> None:
        """Begin a session, unless there is one."""
        if self.link is not None:
            return
        if self.site.kernel.seconds < self._cut_until:
            self.process.later(_PAUSE, self.connect)
            return
        moment = (self.site.kernel.seconds + self.skew) * 1000
        self.session = f"{int(moment) + 10**9:012}"
        self._sequence = 0
        self._told = False
        self.link = self.site.broker.connect(self.process, self._link_lost)
        self.site.broker.subscribe(self.link, session_key(self.name, self.session), self._take)
        self._beat(self.session)

    def crash(self, seconds: float) -> None:
        """Die with every engine, and start again from the journal after a while."""
        self.process.kill()
        for held in self.room.held.values():
            self._stop_counting(held)
        self.room.restart()
        self._drop_link()
        self.site.kernel.later(seconds, self._start_again)

    def freeze(self, seconds: float) -> None:
        """Do nothing for a while, engines included; the broker soon misses the heartbeats."""
        self.process.freeze(seconds)
        heartbeat = self.site.broker.conditions.heartbeat
        if self.link is not None and seconds > heartbeat:
            self.site.kernel.later(heartbeat, self.site.broker.close, self.link)

    def cut(self, seconds: float) -> None:
        """Lose the network for a while; engines go on."""
        self._cut_until = self.site.kernel.seconds + seconds
        if self.link is not None:
            self.site.broker.cut(self.link, seconds)

    def report(self) -> None:
        """Say what is true."""
        self._told = False
        if self.link is None:
            return
        self._sequence += 1
        now = self.site.kernel.seconds
        report = made(
            NodeReport,
            node_id=self.name,
            name=self.name,
            session=self.session,
            sequence=self._sequence,
            offer=self.room.offer,
            draining=False,
            held=self.room.shown(now),
            finishes=self.room.unsettled(),
        )
        self.site.broker.report(self.link, report)
        self.reported(report)

    def reported(self, report: NodeReport) -> None:
        """Note that a report has left: nothing follows from it."""

    def _beat(self, session: str) -> None:
        if session == self.session and self.link is not None:
            self.report()
            self.process.later(1.0 / self.pace, self._beat, session)

    def _changed(self) -> None:
        if not self._told:
            self._told = True
            self.process.later(_GATHER, self.report)

    def _take(self, message: Message, _: int) -> None:
        settled = message.settled if isinstance(message, Orders) else message
        if isinstance(settled, AttemptsSettled):
            self.site.witness.forgot(self, settled)
            self.room.settle(settled)
        if isinstance(message, Orders):
            for held in self.room.obey(message):
                delay = self.site.kernel.draw(self.site.rendering.kill)
                self.process.later(delay, self._kill, held)
            self.site.witness.obeyed(self, message)
            self._start_engines()
            self._changed()

    def _start_engines(self) -> None:
        for held in self.room.startable():
            held.began = self.site.kernel.seconds
            self.site.witness.began(self, held)
            self._render(held, 0)

    def _render(self, held: Held, position: int) -> None:
        frame = held.assignment.frames[position]
        seconds = self.site.rendering.seconds(held.assignment.job_id, frame.frame)
        self.process.later(seconds, self._rendered, held, position)

    def _rendered(self, held: Held, position: int) -> None:
        if self._gone(held):
            return
        rendering, kernel = self.site.rendering, self.site.kernel
        trouble = rendering.trouble(self.name, held.assignment)
        if trouble is not None:
            self._end(held, Outcome.FAILED, trouble)
            return
        if kernel.chance(rendering.failing):
            kind = kernel.random.choice(rendering.kinds)
            self._end(held, Outcome.FAILED, kind)
            return
        key = self._key(held, position)
        self.site.store.begin(key)
        self.process.later(kernel.draw(rendering.upload), self.stored, held, position, key)
        self.uploading(held, position, key)

    def uploading(self, held: Held, position: int, key: str) -> None:
        """Note that a file is on its way: nothing follows from it."""

    def stored(self, held: Held, position: int, key: str) -> None:
        """Note that a file is stored, and go on."""
        self.site.store.complete(key)
        if self._gone(held):
            return
        self.deliver(held, position, key)
        if position + 1 < len(held.assignment.frames):
            self._render(held, position + 1)
            self._changed()
        else:
            self._end(held, Outcome.SUCCEEDED)

    def deliver(self, held: Held, position: int, key: str) -> None:
        """Count a frame as delivered."""
        frame = held.assignment.frames[position]
        seconds = self.site.rendering.seconds(held.assignment.job_id, frame.frame)
        held.delivered.append(invented_result(frame, key, seconds))

    def _key(self, held: Held, position: int) -> str:
        job = held.assignment
        prefix = attempt_prefix(job.tenant_id, job.job_id, job.attempt_id)
        return f"{prefix}{job.frames[position].frame:04}.png"

    def _kill(self, held: Held) -> None:
        if self.room.held.get(held.assignment.attempt_id) is held:
            self._end(held, held.killed or Outcome.CANCELLED)

    def _end(self, held: Held, outcome: Outcome, failure: FailureKind | None = None) -> None:
        self._stop_counting(held)
        self.room.finish(held.ended(outcome, failure, f"{failure}" if failure else ""))
        self.site.witness.ended(self, held.assignment.attempt_id)
        self._start_engines()
        self._changed()

    def _gone(self, held: Held) -> bool:
        """Tell whether an engine was killed, so that what it did last counts for nothing."""
        held_still = self.room.held.get(held.assignment.attempt_id) is held
        return not held_still or held.killed is not None

    def _stop_counting(self, held: Held) -> None:
        if held.began is not None:
            seconds = self.site.kernel.seconds - held.began
            self.busy_seconds += seconds * held.assignment.cores

    def _link_lost(self) -> None:
        if self.link is not None and not self.link.open:
            self.link = None
            self.process.later(_PAUSE, self.connect)

    def _drop_link(self) -> None:
        link, self.link = self.link, None
        if link is not None:
            self.site.broker.close(link)

    def _start_again(self) -> None:
        self.process.hand(self.connect)

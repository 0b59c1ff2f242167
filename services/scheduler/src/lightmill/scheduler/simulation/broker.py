"""A broker in memory: queues with an order, links that break, messages that come late or twice."""

from collections.abc import Callable
from dataclasses import dataclass, field

from lightmill.messages.message import Message
from lightmill.scheduler.simulation.kernel import Kernel, Process

INBOX = "scheduler.inbox"

Take = Callable[[Message, int], None]
"""A consumer: the message, and the tag by which it is acknowledged."""


@dataclass(eq=False)
class Link:
    """One connection of one process.

    Attributes:
        lost: Called in the process once it learns that the link is gone.
        stalled_until: While the network is cut, what either side sends waits until then.
        doomed: The cut lasts longer than heartbeats bear: nothing arrives any more.
    """

    process: Process
    lost: Callable[[], None]
    open: bool = True
    stalled_until: float = 0.0
    doomed: bool = False


@dataclass(eq=False)
class Queue:
    """Messages in their order; an exclusive queue dies with its link."""

    name: str
    link: Link | None
    take: Take | None
    waiting: list[Message] = field(default_factory=list)
    unsettled: dict[int, Message] = field(default_factory=dict)
    ready: float = 0.0
    purges: int = 0
    tags: int = 0


@dataclass(kw_only=True)
class Conditions:
    """How well the broker works at the moment.

    Attributes:
        latency: Seconds from publishing to delivery, at least and at most.
        duplicate: Share of the messages that arrive twice, the second time late.
        heartbeat: Seconds until a silent peer counts as gone.
    """

    latency: tuple[float, float] = (0.001, 0.004)
    duplicate: float = 0.0
    heartbeat: float = 12.0


class Broker:
    """Routes between schedulers and nodes as the topology of the real one does."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.conditions = Conditions()
        self.delivered = 0
        self.returned = 0
        self._queues: dict[str, Queue] = {INBOX: Queue(INBOX, None, None)}
        self._links: list[Link] = []
        self._reports: list[Queue] = []

    @property
    def links(self) -> list[Link]:
        """Return the links that are open."""
        return self._links

    def connect(self, process: Process, lost: Callable[[], None]) -> Link:
        """Return a new link of `process`."""
        link = Link(process, lost)
        self._links.append(link)
        return link

    def close(self, link: Link) -> None:
        """Drop a link and its queues; what it had not acknowledged goes back."""
        if not link.open:
            return
        link.open = False
        self._links.remove(link)
        for queue in [queue for queue in self._queues.values() if queue.link is link]:
            self._desert(queue)
        link.process.later(0.0, link.lost)

    def subscribe(self, link: Link, name: str, take: Take) -> None:
        """Read a queue over `link`; every queue but the inbox is exclusive and declared here."""
        queue = self._queues.setdefault(name, Queue(name, link, take))
        queue.link, queue.take = link, take
        if name.startswith("scheduler.reports."):
            self._reports.append(queue)
        waiting, queue.waiting = queue.waiting, []
        for message in waiting:
            self._send(queue, message)

    def publish(self, link: Link | None, name: str, message: Message) -> bool:
        """Send to the queue of that name; returns whether there is such a queue."""
        if link is not None and link.doomed:
            return True  # nobody confirms, and nobody says no: the sender will see the link lost
        queue = self._queues.get(name)
        if queue is None:
            self.returned += 1
            return False
        self._route(link, queue, message)
        return True

    def report(self, link: Link, message: Message) -> None:
        """Send to every leader, or whoever believes to be one."""
        if not link.doomed:
            for queue in self._reports:
                self._route(link, queue, message)

    def settle(self, tag: int, name: str = INBOX) -> None:
        """Acknowledge a message and everything before it."""
        unsettled = self._queues[name].unsettled
        for old in [known for known in unsettled if known <= tag]:
            del unsettled[old]

    def purge(self, name: str) -> None:
        """Drop whatever a queue holds."""
        if queue := self._queues.get(name):
            queue.purges += 1
            queue.waiting.clear()
            queue.unsettled.clear()

    def cut(self, link: Link, seconds: float) -> None:
        """Cut the network of a link; when it lasts, both sides give it up."""
        link.stalled_until = self.kernel.seconds + seconds
        if seconds > self.conditions.heartbeat:
            link.doomed = True
            self.kernel.later(self.conditions.heartbeat, self.close, link)

    def _desert(self, queue: Queue) -> None:
        queue.purges += 1
        if queue.name != INBOX:
            del self._queues[queue.name]
            if queue in self._reports:
                self._reports.remove(queue)
            return
        queue.waiting = [*queue.unsettled.values(), *queue.waiting]
        queue.unsettled.clear()
        queue.link = queue.take = None

    def _route(self, link: Link | None, queue: Queue, message: Message) -> None:
        if queue.take is None:
            queue.waiting.append(message)
            return
        self._send(queue, message, link)
        if self.kernel.chance(self.conditions.duplicate):
            self.kernel.later(self.kernel.draw((0.1, 8.0)), self._again, queue, message)

    def _send(self, queue: Queue, message: Message, link: Link | None = None) -> None:
        """Have a message arrive after all that were sent to the queue before it."""
        delay = self.kernel.draw(self.conditions.latency)
        sent = max(self.kernel.seconds, link.stalled_until if link else 0.0)
        queue.ready = max(queue.ready, sent + delay)
        queue.tags += 1
        if queue.name == INBOX:
            queue.unsettled[queue.tags] = message
        self.kernel.at(queue.ready, self._arrive, queue, queue.purges, queue.tags, message)

    def _again(self, queue: Queue, message: Message) -> None:
        if self._queues.get(queue.name) is queue and queue.take is not None:
            self._send(queue, message)

    def _arrive(self, queue: Queue, purges: int, tag: int, message: Message) -> None:
        link, take = queue.link, queue.take
        if purges != queue.purges or link is None or take is None or link.doomed:
            return
        if link.stalled_until > self.kernel.seconds:
            self.kernel.at(link.stalled_until, self._arrive, queue, purges, tag, message)
            return
        self.delivered += 1
        link.process.hand(take, message, tag)

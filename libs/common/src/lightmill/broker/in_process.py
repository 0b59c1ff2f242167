"""The broker inside one process, for the farm that needs nothing installed and for tests.

It keeps to what RabbitMQ does with the same topology: durable queues outlive links, exclusive
ones die with theirs, and what a lost link had not settled returns to the front of its queue.
It holds everything in memory: when the process ends, so does every message, which law 1 allows.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from typing_extensions import override

from lightmill.broker.burial import buried
from lightmill.broker.ports import Broker, Delivery, Inbox, Link, LinkLostError, Outgoing
from lightmill.broker.routing import takes
from lightmill.messages.topology import DURABLE_QUEUES, EXCHANGES, Exchange, Queue


class InProcessBroker(Broker):
    """Queues in memory; links to them live in the same event loop."""

    def __init__(
        self,
        queues: Iterable[Queue] = DURABLE_QUEUES,
        exchanges: Iterable[Exchange] = EXCHANGES,
    ) -> None:
        self._kinds = {exchange.name: exchange.kind for exchange in exchanges}
        self._queues = {queue.name: _StoredQueue(queue) for queue in queues}
        self._links: set[_InProcessLink] = set()

    @override
    @asynccontextmanager
    async def connect(self, name: str) -> AsyncIterator[Link]:
        link = _InProcessLink(self, name)
        self._links.add(link)
        try:
            yield link
        finally:
            self._drop(link)

    def drop_links(self) -> None:
        """Lose every link at once, as a restart of a real broker does."""
        for link in tuple(self._links):
            self._drop(link)

    def purge(self, queue: str) -> int:
        """Throw away what waits in `queue` unread; return how many messages that was."""
        ready = self._queues[queue].ready
        count = len(ready)
        ready.clear()
        return count

    def depth(self, queue: str) -> int:
        """Return how many messages wait in `queue` unread; 0 when there is no such queue."""
        return len(self._queues[queue].ready) if queue in self._queues else 0

    def route(self, message: Outgoing) -> bool:
        """Put `message` into every queue that takes it; tell whether any did.

        Raises:
            KeyError: there is no such exchange.
        """
        kind = self._kinds[message.exchange]
        takers = [
            queue
            for queue in self._queues.values()
            if any(
                binding.exchange == message.exchange and takes(kind, binding.key, message.key)
                for binding in queue.topology.bindings
            )
        ]
        for queue in takers:
            queue.put(message)
        return bool(takers)

    def open(self, queue: Queue, link: "_InProcessLink") -> "_StoredQueue":
        """Return the stored queue that `link` may read, made first when it is exclusive.

        Raises:
            KeyError: a durable queue that does not exist, or an exclusive one of another link.
        """
        if not queue.durable:
            mine = self._queues.setdefault(queue.name, _StoredQueue(queue, owner=link))
            if mine.owner is not link:
                raise KeyError(f"queue {queue.name} belongs to another link")
        return self._queues[queue.name]

    def _drop(self, link: "_InProcessLink") -> None:
        self._links.discard(link)
        link.lose()
        owned = [name for name, queue in self._queues.items() if queue.owner is link]
        for name in owned:
            del self._queues[name]


class _StoredQueue:
    """Messages that wait, and the inboxes to wake when one arrives."""

    def __init__(self, topology: Queue, owner: "_InProcessLink | None" = None) -> None:
        self.topology = topology
        self.owner = owner
        self.ready: deque[Outgoing] = deque()
        self.readers: list[_InProcessInbox] = []

    def put(self, message: Outgoing) -> None:
        self.ready.append(message)
        self.wake()

    def put_back(self, messages: Iterable[Outgoing]) -> None:
        """Return `messages`, oldest first, to the front."""
        self.ready.extendleft(reversed(list(messages)))
        self.wake()

    def wake(self) -> None:
        for reader in self.readers:
            reader.woken.set()


class _InProcessLink(Link):
    def __init__(self, broker: InProcessBroker, name: str) -> None:
        self._broker = broker
        self._name = name
        self._gone = asyncio.Event()
        self._inboxes: list[_InProcessInbox] = []

    @override
    async def publish(self, messages: Sequence[Outgoing]) -> list[bool]:
        await asyncio.sleep(0)  # a confirm is never instant: let readers run between batches
        self.check()
        try:
            return [self._broker.route(message) or not message.mandatory for message in messages]
        except KeyError as error:
            raise self._refuse(f"no exchange {error}") from error

    @override
    async def subscribe(self, queue: Queue, *, prefetch: int = 500) -> Inbox:
        self.check()
        try:
            stored = self._broker.open(queue, self)
        except KeyError as error:
            raise self._refuse(f"cannot read {queue.name}: {error}") from error
        inbox = _InProcessInbox(self, stored, prefetch)
        self._inboxes.append(inbox)
        return inbox

    @override
    async def lost(self) -> None:
        await self._gone.wait()

    def check(self) -> None:
        """Raise LinkLostError once the link is gone."""
        if self._gone.is_set():
            raise LinkLostError(f"the link {self._name} is gone")

    def lose(self) -> None:
        """Give back what is unsettled and wake whoever waits; nothing the second time."""
        if self._gone.is_set():
            return
        self._gone.set()
        for inbox in self._inboxes:
            inbox.close()

    def _refuse(self, reason: str) -> LinkLostError:
        """Lose the link, as RabbitMQ closes the channel of who asks for what is not there."""
        self._broker._drop(self)  # noqa: SLF001  # the link is the broker's other half
        return LinkLostError(reason)


class _InProcessInbox(Inbox):
    def __init__(self, link: _InProcessLink, queue: _StoredQueue, prefetch: int) -> None:
        self.woken = asyncio.Event()
        self._link = link
        self._queue = queue
        self._prefetch = prefetch
        self._last_tag = 0
        self._unsettled: dict[int, Outgoing] = {}
        queue.readers.append(self)

    @override
    async def receive(self, limit: int) -> list[Delivery]:
        while True:
            self._link.check()
            if taken := self._take(limit):
                return taken
            self.woken.clear()
            await self.woken.wait()

    @override
    async def settle(self, upto: Delivery) -> None:
        self._link.check()
        for tag in [tag for tag in self._unsettled if tag <= upto.tag]:
            del self._unsettled[tag]
        self.woken.set()

    @override
    async def bury(self, delivery: Delivery, reason: str) -> None:
        await self._link.publish([buried(delivery, self._queue.topology.name, reason)])
        self._unsettled.pop(delivery.tag, None)
        self.woken.set()

    def close(self) -> None:
        """Return what is unsettled to the queue, and wake who waits in `receive`."""
        self._queue.readers.remove(self)
        self._queue.put_back(self._unsettled.values())
        self._unsettled.clear()
        self.woken.set()

    def _take(self, limit: int) -> list[Delivery]:
        room = min(limit, self._prefetch - len(self._unsettled), len(self._queue.ready))
        return [self._deliver(self._queue.ready.popleft()) for _ in range(room)]

    def _deliver(self, message: Outgoing) -> Delivery:
        self._last_tag += 1
        self._unsettled[self._last_tag] = message
        return Delivery(
            tag=self._last_tag,
            kind=message.kind,
            key=message.key,
            body=message.body,
            headers=dict(message.headers),
        )

"""Exchanges and queues as data.

`setup` declares the durable ones, services their own exclusive ones.
"""

from dataclasses import dataclass
from enum import StrEnum

COMMANDS = "lightmill.commands"
NODES = "lightmill.nodes"
REPORTS = "lightmill.reports"
EVENTS = "lightmill.events"
DEAD = "lightmill.dead"


class ExchangeKind(StrEnum):
    """How an exchange chooses queues."""

    DIRECT = "direct"
    TOPIC = "topic"
    FANOUT = "fanout"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: ExchangeKind


@dataclass(frozen=True, slots=True)
class Binding:
    """A queue takes what arrives at `exchange` under `key`."""

    exchange: str
    key: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and what it is bound to.

    A durable one is a quorum queue without a delivery limit, made by `setup`. An exclusive one
    belongs to one connection, which declares it, and dies with it.
    """

    name: str
    bindings: tuple[Binding, ...]
    durable: bool = True


EXCHANGES = (
    Exchange(COMMANDS, ExchangeKind.DIRECT),
    Exchange(NODES, ExchangeKind.DIRECT),
    Exchange(REPORTS, ExchangeKind.DIRECT),
    Exchange(EVENTS, ExchangeKind.TOPIC),
    Exchange(DEAD, ExchangeKind.FANOUT),
)

SCHEDULER_INBOX = Queue(
    "scheduler.inbox",
    (Binding(COMMANDS, "job.wanted.v1"), Binding(COMMANDS, "policy.wanted.v1")),
)
ANALYZER_INBOX = Queue("analyzer.inbox", (Binding(COMMANDS, "scene.analyse.v1"),))
DEAD_LETTERS = Queue("dead.letters", (Binding(DEAD, ""),))
DURABLE_QUEUES = (SCHEDULER_INBOX, ANALYZER_INBOX, DEAD_LETTERS)


def session_key(node_id: str, session: str) -> str:
    """Return the routing key, and the queue name, of one session of one node."""
    return f"node.{node_id}.{session}"


def session_queue(node_id: str, session: str) -> Queue:
    """Return the queue that carries orders to one session of one node."""
    key = session_key(node_id, session)
    return Queue(key, (Binding(NODES, key),), durable=False)


def tick_key(epoch: int) -> str:
    """Return the routing key that carries a leader's ticks to itself alone."""
    return f"leader.tick.v1.{epoch}"


def reports_queue(epoch: int) -> Queue:
    """Return the queue from which the leader of `epoch` reads reports and its own ticks."""
    bindings = (Binding(REPORTS, "node.report.v1"), Binding(REPORTS, tick_key(epoch)))
    return Queue(f"scheduler.reports.{epoch}", bindings, durable=False)


def doorbells_queue(epoch: int) -> Queue:
    """Return the queue on which the leader of `epoch` hears doorbells at once.

    `scheduler.inbox` keeps them too, on disk, for whoever leads next.
    """
    return Queue(f"scheduler.doorbells.{epoch}", SCHEDULER_INBOX.bindings, durable=False)


def events_queue(listener: str, *keys: str) -> Queue:
    """Return a queue of one listener's own for the events that match `keys`, such as `job.#`."""
    bindings = tuple(Binding(EVENTS, key) for key in keys)
    return Queue(f"events.{listener}", bindings, durable=False)

"""What a service needs of a broker. RabbitMQ and the in-process broker both keep to it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from lightmill.messages.topology import Queue


class LinkLostError(Exception):
    """The connection to the broker is gone; connect again, as a new session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message about to leave.

    Attributes:
        key: Routing key.
        kind: The message's own name with its version (AMQP `type`).
        mandatory: Whether to be told when no queue takes it.
    """

    exchange: str
    key: str
    kind: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    mandatory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message that has arrived and is not yet settled; `tag` counts up within an inbox."""

    tag: int
    kind: str
    key: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Inbox(Protocol):
    """One queue being read."""

    async def receive(self, limit: int) -> list[Delivery]:
        """Return 1 to `limit` messages, in order; wait for the first.

        Raises:
            LinkLostError: the connection is gone.
        """
        ...

    async def settle(self, upto: Delivery) -> None:
        """Acknowledge `upto` and everything received before it.

        Raises:
            LinkLostError: the connection is gone.
        """
        ...

    async def bury(self, delivery: Delivery, reason: str) -> None:
        """Move one message to the dead letters with the reason, and acknowledge it alone."""
        ...


class Link(Protocol):
    """One live connection. It never heals: when it is lost, open another."""

    async def publish(self, messages: Sequence[Outgoing]) -> list[bool]:
        """Send `messages` in order and wait until the broker has confirmed them all.

        Returns:
            For each message whether a queue took it; False only for mandatory ones.

        Raises:
            LinkLostError: the connection is gone; any of the messages may have arrived.
        """
        ...

    async def subscribe(self, queue: Queue, *, prefetch: int = 500) -> Inbox:
        """Read `queue`; an exclusive one is declared and bound first."""
        ...

    async def lost(self) -> None:
        """Return when the connection is gone."""
        ...


class Broker(Protocol):
    """Where links come from."""

    def connect(self, name: str) -> AbstractAsyncContextManager[Link]:
        """Open a connection that the management console shows under `name`.

        Raises:
            LinkLostError: on entry, when no broker answers.
        """
        ...

"""Leader to itself, through the queue that carries the reports: a beat has passed."""

from typing import ClassVar

from lightmill.messages.message import Message
from lightmill.messages.topology import REPORTS


class LeaderTick(Message):
    """Leases count these: while reports wait unread, so do ticks, and no lease runs."""

    exchange: ClassVar[str] = REPORTS
    routing_key: ClassVar[str] = "leader.tick.v1"

    epoch: int
    number: int

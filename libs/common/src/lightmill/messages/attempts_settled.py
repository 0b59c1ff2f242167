"""Leader to one session of one node: these finishes are in the database, forget them.

The parts are plain dataclasses, as those of orders are.
"""

from dataclasses import dataclass
from typing import ClassVar

from lightmill.messages.message import Message
from lightmill.messages.topology import NODES


@dataclass(slots=True)
class SettledAttempt:
    """One attempt that is settled.

    Attributes:
        applied: False when the attempt was no longer the current one; its files are waste.
    """

    attempt_id: str
    applied: bool


@dataclass(slots=True, kw_only=True)
class SettledFrames:
    """Frames of an attempt that still runs whose results are committed."""

    attempt_id: str
    ordinals: tuple[int, ...]


class AttemptsSettled(Message):
    """Leaves after the commit, never before: with orders of the same turn, or by itself."""

    exchange: ClassVar[str] = NODES
    routing_key: ClassVar[str] = "attempts.settled.v1"

    epoch: int
    attempts: tuple[SettledAttempt, ...] = ()
    frames: tuple[SettledFrames, ...] = ()

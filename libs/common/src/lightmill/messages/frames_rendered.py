"""Scheduler to whoever listens: frames of a job have become results."""

from typing import ClassVar

from lightmill.messages.message import Message
from lightmill.messages.topology import EVENTS


class FramesRendered(Message):
    """Frame numbers whose results are committed."""

    exchange: ClassVar[str] = EVENTS
    routing_key: ClassVar[str] = "frames.rendered.v1"

    tenant_id: str
    owner_id: str
    job_id: str
    frames: tuple[int, ...]

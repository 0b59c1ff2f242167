"""Scheduler to whoever listens: a job stands somewhere else now."""

from typing import ClassVar

from lightmill.domain.states import JobState
from lightmill.messages.message import Message
from lightmill.messages.topology import EVENTS


class JobChanged(Message):
    """What is true of a job after a commit."""

    exchange: ClassVar[str] = EVENTS
    routing_key: ClassVar[str] = "job.changed.v1"

    tenant_id: str
    owner_id: str
    job_id: str
    state: JobState
    paused: bool
    frames: int
    succeeded: int
    failed: int
    error: str | None = None

"""Api to scheduler: something is wanted of a job; look at its row."""

from typing import ClassVar

from lightmill.messages.message import Message
from lightmill.messages.topology import COMMANDS


class JobWanted(Message):
    """A doorbell: the job's row holds what is wanted, so losing this message loses nothing."""

    exchange: ClassVar[str] = COMMANDS
    routing_key: ClassVar[str] = "job.wanted.v1"

    job_id: str
    version: int

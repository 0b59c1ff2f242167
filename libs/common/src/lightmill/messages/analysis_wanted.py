"""Api to analyzer: a scene waits to be looked into."""

from typing import ClassVar

from lightmill.messages.message import Message
from lightmill.messages.topology import COMMANDS


class AnalysisWanted(Message):
    """A doorbell: the `analysis_requests` row holds what is asked."""

    exchange: ClassVar[str] = COMMANDS
    routing_key: ClassVar[str] = "scene.analyse.v1"

    analysis_id: str

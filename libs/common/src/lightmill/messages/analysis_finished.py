"""Analyzer to whoever waits: an analysis is done or has failed."""

from typing import ClassVar

from lightmill.messages.message import Message
from lightmill.messages.topology import EVENTS


class AnalysisFinished(Message):
    """The outcome itself stands in the `analyses` row."""

    exchange: ClassVar[str] = EVENTS
    routing_key: ClassVar[str] = "analysis.finished.v1"

    tenant_id: str
    analysis_id: str
    succeeded: bool

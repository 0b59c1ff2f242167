"""Scheduler to whoever listens: a node stands somewhere else now."""

from typing import ClassVar

from lightmill.domain.states import NodeState
from lightmill.messages.message import Message
from lightmill.messages.topology import EVENTS


class NodeChanged(Message):
    """What is true of a node after a commit."""

    exchange: ClassVar[str] = EVENTS
    routing_key: ClassVar[str] = "node.changed.v1"

    node_id: str
    name: str
    state: NodeState

"""Api to scheduler: the farm's keeper has decided something; look at the tables of the policy."""

from typing import ClassVar

from lightmill.messages.message import Message
from lightmill.messages.topology import COMMANDS


class PolicyWanted(Message):
    """A doorbell: pools, limits, shares or what is wanted of a node have changed."""

    exchange: ClassVar[str] = COMMANDS
    routing_key: ClassVar[str] = "policy.wanted.v1"

"""Who asks."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a token may do: all in its tenant, its owner's work, reading, or a node's part."""

    ADMIN = "admin"
    ARTIST = "artist"
    VIEWER = "viewer"
    NODE = "node"
    ENROLMENT = "enrolment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The bearer of a token; every use case takes one and every query is scoped by it.

    Attributes:
        node_id: Set for a node's own token alone.
    """

    tenant_id: str
    user_id: str
    role: Role
    token_id: str
    node_id: str | None = None

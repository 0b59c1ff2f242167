"""What the api needs to keep what the keeper of the farm decides."""

from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Protocol

from lightmill.domain.principal import Principal

Key = Mapping[str, object]
"""The primary key of what is decided on, by column."""


class Subject(Enum):
    """What may be decided on."""

    POOL = "pool"
    LIMIT = "limit"
    SHARE = "share"
    FARM = "policy"


class NodeAction(StrEnum):
    """What a person may want of a node."""

    DRAIN = "drain"
    RESUME = "resume"
    DISABLE = "disable"
    FORGIVE = "forgive"


class Decisions(Protocol):
    """Where the keeper's decisions are kept; each change rings the scheduler's doorbell."""

    async def put(
        self,
        principal: Principal,
        subject: Subject,
        key: Key,
        values: Mapping[str, object],
        version: int | None,
    ) -> int | None:
        """Decide `values` of what `key` names.

        Args:
            principal: Who does.
            subject: What kind of thing it is.
            key: Which one.
            values: The other columns.
            version: The decision that this one follows, 0 for none; None: whichever.

        Returns:
            Its new version; None when it was not at `version`.
        """
        ...

    async def remove(
        self, principal: Principal, subject: Subject, key: Key, version: int | None
    ) -> bool | None:
        """Take a decision back: False when there is none, None when it was not at `version`."""
        ...

    async def wish(self, principal: Principal, node_id: str, action: NodeAction) -> None:
        """Write what is wanted of a node; repeating it changes nothing, except to forgive."""
        ...

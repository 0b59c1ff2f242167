"""What the api needs to tell how the farm gets on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Frames of a tenant; `rate` is how many of the running jobs' were finished a minute."""

    pending: int = 0
    processing: int = 0
    completed: int = 0
    failed: int = 0
    rate: float = 0.0


class System(Protocol):
    """Where figures are read."""

    async def work(self, tenant_id: str, now: datetime) -> Mapping[str, Counts]:
        """Return the tenant's frames, those of sweeps for Lumina apart (`lumina`, `standard`)."""
        ...

    async def ceilings(self) -> Mapping[str, int]:
        """Return how many sub-tasks of each of seed 003's kinds may run at once."""
        ...

    async def executors(self) -> list[dict[str, object]]:
        """Return the render machines as seed 003 calls them."""
        ...

    async def leader(self) -> Mapping[str, object] | None:
        """Return who leads, since when and in which epoch; None while nobody has."""
        ...

    async def recent_errors(self, now: datetime) -> int:
        """Return how many kinds of errors have occurred in the last hour."""
        ...

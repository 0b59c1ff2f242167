"""What machines offer, without a query for every job."""

from lightmill.api.ports import Machines
from lightmill.domain.resources import Offer
from lightmill.runtime.clock import Clock

KEPT_S = 10.0


class KnownMachines:
    """Machines as they were up to ten seconds ago; a job is refused only for what they are now.

    A farm without any is asked about each time: its first machine counts at once.
    """

    def __init__(self, machines: Machines, clock: Clock) -> None:
        self._machines = machines
        self._clock = clock
        self._known: list[Offer] = []
        self._until = 0.0

    async def offers(self, *, fresh: bool = False) -> list[Offer]:
        """Return what every enrolled node offers in all, whatever its state."""
        now = self._clock.monotonic()
        if fresh or not self._known or now >= self._until:
            self._known = await self._machines.offers()
            self._until = now + KEPT_S
        return self._known

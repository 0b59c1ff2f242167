"""The lanes in the order in which their turn comes, while shares move with what is handed out.

What is handed out moves one tenant and one user back, and no lane of anybody else: so tenants
stand in a heap at each level, their users in heaps of their own, and a user's lanes by age.
"""

import heapq
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime

from lightmill.scheduler.core.demand import Demand
from lightmill.scheduler.core.queue import NOBODY, Age, Lane, Lanes, Level, Queue, Rank
from lightmill.scheduler.core.shares import Account, Standing

_OLDEST: Age = (datetime.min.replace(tzinfo=UTC), "", False, -1)


class Line:
    """Every lane of a queue, in one turn. Within it shares only grow.

    Args:
        full: Demands of which nothing more fits anywhere, as the turn goes on; lanes that ask
            one of them stand in line no longer.
    """

    def __init__(self, queue: Queue, full: AbstractSet[Demand]) -> None:
        crowds = [
            ((level, tenant.standing, NOBODY, _OLDEST), _Crowd(level, tenant, users, full))
            for level, tenants in queue.by_account.items()
            for tenant, users in tenants.items()
        ]
        pools = [(rank, _Pool(lane)) for lane in queue.strict.values() if (rank := lane.rank())]
        both: list[tuple[Rank, _Crowd | _Pool]] = [*crowds, *pools]
        self._heap = [(rank, number, part) for number, (rank, part) in enumerate(both)]
        heapq.heapify(self._heap)

    def first(self) -> Lane | None:
        """Return the lane whose turn it is, or None when nobody stands in line any more."""
        heap = self._heap
        while heap:
            was, number, part = heap[0]
            rank = part.rank()
            if rank is None:
                heapq.heappop(heap)
            elif rank > was:
                heapq.heapreplace(heap, (rank, number, part))
            else:
                return part.lane
        return None

    def drop(self) -> None:
        """Let the first lane stand in line no longer."""
        self._heap[0][2].drop()


class _Pool:
    """A FIFO pool: one lane, and nothing in it goes before its head."""

    __slots__ = ("lane",)

    def __init__(self, lane: Lane) -> None:
        self.lane: Lane | None = lane

    def rank(self) -> Rank | None:
        return None if self.lane is None else self.lane.rank()

    def drop(self) -> None:
        self.lane = None


class _Crowd:
    """The users of one tenant at one level, the one with the least share first.

    They are not looked at before it is their tenant's turn.
    """

    __slots__ = ("_full", "_heap", "_lanes", "_level", "_tenant")

    def __init__(
        self, level: Level, tenant: Account, lanes: Lanes, full: AbstractSet[Demand]
    ) -> None:
        self._level, self._tenant, self._lanes, self._full = level, tenant, lanes, full
        self._heap: list[tuple[tuple[Standing, Age], int, _User]] | None = None

    @property
    def lane(self) -> Lane | None:
        return self._heap[0][2].heap[0][2] if self._heap else None

    def rank(self) -> Rank | None:
        heap = self._stand_in_line() if self._heap is None else self._heap
        while heap:
            was, number, user = heap[0]
            place = user.place(self._full)
            if place is None:
                heapq.heappop(heap)
            elif place > was:
                heapq.heapreplace(heap, (place, number, user))
            else:
                return self._level, self._tenant.standing, place[0], place[1]
        return None

    def drop(self) -> None:
        if self._heap:
            heapq.heappop(self._heap[0][2].heap)

    def _stand_in_line(self) -> "list[tuple[tuple[Standing, Age], int, _User]]":
        users = [_User(account, list(lanes)) for account, lanes in self._lanes.items()]
        places = [(user.place(self._full), user) for user in users]
        self._heap = [
            (place, number, user) for number, (place, user) in enumerate(places) if place
        ]
        heapq.heapify(self._heap)
        return self._heap


class _User:
    """The lanes of one user, the oldest first."""

    __slots__ = ("_account", "heap")

    def __init__(self, account: Account, lanes: list[Lane]) -> None:
        self._account = account
        self.heap = [
            (lane.age, number, lane) for number, lane in enumerate(lanes) if lane.head is not None
        ]
        heapq.heapify(self.heap)

    def place(self, full: AbstractSet[Demand | None]) -> tuple[Standing, Age] | None:
        heap = self.heap
        while heap:
            was, number, lane = heap[0]
            if lane.demand in full or lane.head is None:
                heapq.heappop(heap)
            elif (age := lane.age) is not was and age > was:
                heapq.heapreplace(heap, (age, number, lane))
            else:
                return self._account.standing, was
        return None

"""The lanes in the order in which their turn comes, while shares move with what is handed out.

What is handed out moves one tenant and one user back, and no lane of anybody else: so tenants
stand in a heap at each level, their users in heaps of their own, and a user's lanes by age.
"""

import heapq
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from lightmill.scheduler.core.accounts import Account, Standing
from lightmill.scheduler.core.demand import Demand
from lightmill.scheduler.core.queue import NOBODY, OLDEST, Age, Lane, Lanes, Level, Queue, Rank


class Line:
    """Every lane of a queue, in one turn. Within it shares only grow.

    Args:
        full: Demands of which nothing more fits anywhere, as the turn goes on; lanes that ask
            one of them stand in line no longer.
    """

    def __init__(self, queue: Queue, full: AbstractSet[Demand]) -> None:
        crowds = [
            ((level, tenant.standing, NOBODY, OLDEST), _Crowd(level, tenant, users, full))
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
            if part.stands(was):
                return part.lane
            rank = part.rank()
            if rank is None:
                heapq.heappop(heap)
            elif rank is was:
                return part.lane
            else:
                heapq.heapreplace(heap, (rank, number, part))
        return None

    def drop(self) -> None:
        """Let the first lane stand in line no longer."""
        self._heap[0][2].drop()


class _Pool:
    """A FIFO pool: one lane, and nothing in it goes before its head."""

    __slots__ = ("_rank", "lane")

    def __init__(self, lane: Lane) -> None:
        self.lane: Lane | None = lane
        self._rank: Rank | None = None

    def rank(self) -> Rank | None:
        """Return its place; the same object while that is the same."""
        lane, rank = self.lane, self._rank
        if lane is None or lane.head is None:
            return None
        if rank is None or rank[3] is not lane.age:
            self._rank = lane.rank()
        return self._rank

    def stands(self, was: Rank) -> bool:
        """Tell whether its place, which was this, is the same."""
        return self.rank() is was

    def drop(self) -> None:
        self.lane = None


class _Crowd:
    """The users of one tenant at one level, the one with the least share first.

    They are not looked at before it is their tenant's turn.

    Attributes:
        lane: Which of all of theirs is first, as `rank` has found.
    """

    __slots__ = ("_full", "_heap", "_lanes", "_level", "_rank", "_tenant", "lane")

    def __init__(
        self, level: Level, tenant: Account, lanes: Lanes, full: AbstractSet[Demand]
    ) -> None:
        self._level, self._tenant, self._lanes, self._full = level, tenant, lanes, full
        self._heap: list[tuple[Standing, Age, int, _User]] | None = None
        self._rank: Rank | None = None
        self.lane: Lane | None = None

    def rank(self) -> Rank | None:
        """Return the place of who is first; the same object while that is the same.

        A standing and an age are other objects whenever they have changed.
        """
        heap = self._stand_in_line() if self._heap is None else self._heap
        while heap:
            was, age, number, user = heap[0]
            lane = user.first(self._full)
            if lane is None:
                heapq.heappop(heap)
                continue
            account = user.account
            standing = account.known or account.reckon()
            if standing is was and lane.age is age:
                self.lane = lane
                break
            heapq.heapreplace(heap, (standing, lane.age, number, user))
        else:
            return None
        rank, tenant = self._rank, self._tenant.known or self._tenant.reckon()
        if rank is None or rank[1] is not tenant or rank[2] is not standing or rank[3] is not age:
            rank = self._rank = (self._level, tenant, standing, age)
        return rank

    def stands(self, was: Rank) -> bool:
        """Tell whether its place, which was this, is known to be the same.

        Whatever is handed out to a user counts for the tenant.
        """
        lane = self.lane
        return (
            self._tenant.known is was[1]
            and lane is not None
            and lane.age is was[3]
            and lane.head is not None
            and lane.demand not in self._full
        )

    def drop(self) -> None:
        self.lane = None
        if self._heap:
            heapq.heappop(self._heap[0][3].heap)

    def _stand_in_line(self) -> "list[tuple[Standing, Age, int, _User]]":
        users = [_User(account, lanes) for account, lanes in self._lanes.items()]
        firsts = [(user.first(self._full), user) for user in users]
        self._heap = [
            (user.account.standing, lane.age, number, user)
            for number, (lane, user) in enumerate(firsts)
            if lane is not None
        ]
        heapq.heapify(self._heap)
        return self._heap


class _User:
    """The lanes of one user, the oldest first."""

    __slots__ = ("account", "heap")

    def __init__(self, account: Account, lanes: Iterable[Lane]) -> None:
        self.account = account
        self.heap = [
            (lane.age, number, lane) for number, lane in enumerate(lanes) if lane.head is not None
        ]
        heapq.heapify(self.heap)

    def first(self, full: AbstractSet[Demand | None]) -> Lane | None:
        """Return the oldest lane; those that are empty, or ask what is full, leave the line."""
        heap = self.heap
        while heap:
            was, number, lane = heap[0]
            if lane.head is None or lane.demand in full:
                heapq.heappop(heap)
            elif lane.age is was:
                return lane
            else:
                heapq.heapreplace(heap, (lane.age, number, lane))
        return None

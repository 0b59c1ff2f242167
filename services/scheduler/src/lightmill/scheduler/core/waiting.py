"""Work of a step that nobody has: a range, not rows."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenBack:
    """An ordinal that came back from a node.

    Attributes:
        not_before: When it may be tried again.
        failures: Tries that used up a retry.
        tries: Tries of any end.
        avoid_node: Where it failed last.
    """

    ordinal: int
    not_before: datetime
    failures: int = 0
    tries: int = 0
    avoid_node: str | None = None


@dataclass(slots=True)
class Waiting:
    """The suffix `[next_ordinal, total)` and the ordinals that were given back."""

    total: int
    next_ordinal: int = 0
    given_back: dict[int, GivenBack] = field(default_factory=dict)
    _due: list[tuple[datetime, int]] = field(default_factory=list)

    def __len__(self) -> int:
        return self.total - self.next_ordinal + len(self.given_back)

    def give_back(self, item: GivenBack) -> None:
        """Take in an ordinal that is to be rendered again."""
        self.given_back[item.ordinal] = item
        heapq.heappush(self._due, (item.not_before, item.ordinal))

    def restore(self, items: Iterable[GivenBack]) -> None:
        """Take in what was given back before a take-over."""
        for item in items:
            self.give_back(item)

    def due(self, now: datetime) -> GivenBack | None:
        """Return the given-back ordinal that is due the longest, if any is, and keep it."""
        while self._due:
            not_before, ordinal = self._due[0]
            item = self.given_back.get(ordinal)
            if item is None or item.not_before != not_before:
                heapq.heappop(self._due)
                continue
            return item if not_before <= now else None
        return None

    def due_for(self, node_id: str, now: datetime) -> GivenBack | None:
        """Return the ordinal, due the longest of those given back, that `node_id` may take."""
        return min(
            (
                item
                for item in self.given_back.values()
                if item.not_before <= now and item.avoid_node != node_id
            ),
            key=lambda item: (item.not_before, item.ordinal),
            default=None,
        )

    def has_due(self, now: datetime) -> bool:
        """Tell whether anything could be handed out now."""
        return self.next_ordinal < self.total or self.due(now) is not None

    def take_given_back(self, item: GivenBack) -> None:
        """Remove `item`: a task has it now."""
        del self.given_back[item.ordinal]

    def take_next(self, count: int) -> range:
        """Remove and return up to `count` ordinals from the front of the suffix."""
        end = min(self.total, self.next_ordinal + count)
        taken = range(self.next_ordinal, end)
        self.next_ordinal = end
        return taken

    def drop(self) -> list[GivenBack]:
        """Forget everything that waits; return what had been given back."""
        dropped = list(self.given_back.values())
        self.given_back.clear()
        self._due.clear()
        self.next_ordinal = self.total
        return dropped

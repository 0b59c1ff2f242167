"""Work of a step that nobody has: a range, not rows."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenBack:
    """An ordinal that came back from a node, or was released on its own.

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
    """The suffix `[next_ordinal, total)` and the ordinals that were given back.

    Attributes:
        locked: Ordinals outside the suffix that wait for the same frame of another step.
        failed: Those of `given_back` that are to avoid a node.
    """

    total: int
    next_ordinal: int = 0
    locked: int = 0
    given_back: dict[int, GivenBack] = field(default_factory=dict)
    failed: dict[int, GivenBack] = field(default_factory=dict)
    _due: list[tuple[datetime, int]] = field(default_factory=list)

    def __len__(self) -> int:
        return self.total - self.next_ordinal + len(self.given_back) + self.locked

    def give_back(self, item: GivenBack) -> None:
        """Take in an ordinal that is to be rendered again, or sooner than was said before."""
        self.given_back[item.ordinal] = item
        if item.avoid_node is None:
            heapq.heappush(self._due, (item.not_before, item.ordinal))
        else:
            self.failed[item.ordinal] = item

    def restore(self, items: Iterable[GivenBack]) -> None:
        """Take in what was given back before a take-over."""
        for item in items:
            self.give_back(item)

    def lock(self) -> None:
        """Let every ordinal wait to be released on its own."""
        self.locked, self.next_ordinal = self.total, self.total

    def release(self, item: GivenBack) -> None:
        """Let a locked ordinal go."""
        self.locked -= 1
        self.give_back(item)

    def has_due(self, now: datetime) -> bool:
        """Tell whether anything could be handed out now."""
        return (
            self.next_ordinal < self.total
            or self._plain(now) is not None
            or any(item.not_before <= now for item in self.failed.values())
        )

    def due_for(self, node_id: str, now: datetime, *, anyway: bool = False) -> GivenBack | None:
        """Return an ordinal that was given back, is due and did not fail on this node last.

        With `anyway`, one that did will do when there is no other.
        """
        plain = self._plain(now)
        if plain is not None:
            return plain
        due = [item for item in self.failed.values() if item.not_before <= now]
        others = (item for item in due if item.avoid_node != node_id)
        return next(others, due[0] if due and anyway else None)

    def avoided(self, now: datetime) -> str | None:
        """Return the node on which all that is due has failed, or None."""
        if self.next_ordinal < self.total or self._plain(now) is not None:
            return None
        nodes = {item.avoid_node for item in self.failed.values() if item.not_before <= now}
        return nodes.pop() if len(nodes) == 1 else None

    def take_given_back(self, item: GivenBack) -> None:
        """Remove `item`: a task has it now."""
        del self.given_back[item.ordinal]
        self.failed.pop(item.ordinal, None)

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
        self.failed.clear()
        self._due.clear()
        self.next_ordinal = self.total
        self.locked = 0
        return dropped

    def _plain(self, now: datetime) -> GivenBack | None:
        """Return what avoids no node and is due the longest, and keep it."""
        while self._due:
            not_before, ordinal = self._due[0]
            item = self.given_back.get(ordinal)
            if item is None or item.avoid_node is not None or item.not_before != not_before:
                heapq.heappop(self._due)
                continue
            return item if not_before <= now else None
        return None

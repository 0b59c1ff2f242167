"""How long the leader takes to settle an end that it is told, and how long to wait for that."""

from collections.abc import Iterable

_LEAST = 0.05


class Answers:
    """The ends that the leader still owes an answer to. Time is handed in, in seconds."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._took = 0.0

    def tell(self, ends: Iterable[str], now: float) -> None:
        """Note that a report tells all of these, and no others."""
        self._since = {end: self._since.get(end, now) for end in ends}

    def come(self, now: float) -> None:
        """Note that all of them are settled."""
        if self._since:
            self._took = now - max(self._since.values())
        self._since.clear()

    def patience(self, now: float) -> float:
        """Return for how long a report that tells nothing but more should wait for them.

        Twice what it took last, so that a leader that is behind hears less, and more at once;
        and longer the longer it takes, by so much that one that takes over is soon told.
        """
        if not self._since:
            return 0.0
        waited = now - min(self._since.values())
        return _LEAST + max(2 * self._took, waited / 2)

"""Names of attempts that are over, as many as are sensible to keep."""

from collections.abc import Iterable, Iterator


class Remembered:
    """The latest `limit` names, oldest first."""

    def __init__(self, names: Iterable[str] = (), *, limit: int = 50_000) -> None:
        self._names: dict[str, None] = {}
        self._limit = limit
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """Remember `name` as the latest; the oldest is dropped when there are too many."""
        self._names.pop(name, None)
        self._names[name] = None
        if len(self._names) > self._limit:
            del self._names[next(iter(self._names))]

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

"""An object store in memory: files that are written bit by bit, and changed if someone does."""

from collections.abc import Callable


class Store:
    """Every file as (version, whether it is whole)."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[int, bool]] = {}
        self.written: Callable[[str], None] = lambda _: None

    def begin(self, key: str) -> None:
        """Open a file; from now on half of it could be read."""
        version, _ = self._files.get(key, (0, False))
        self._files[key] = version + 1, False
        self.written(key)

    def complete(self, key: str) -> None:
        """Finish a file."""
        version, _ = self._files[key]
        self._files[key] = version, True

    def whole(self, key: str) -> bool:
        """Tell whether the file is there with every byte."""
        return self._files.get(key, (0, False))[1]

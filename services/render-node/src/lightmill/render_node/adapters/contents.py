"""Files by the BLAKE3 of what they hold, in a folder."""

import os
from contextlib import suppress
from pathlib import Path

from lightmill.runtime.ids import new_id

# Every file of the store bears this time, so one that was written to since is recognised by
# looking at it, not by reading it. 1 January 2000, which archives can hold as well.
_STAMP = 946_684_800


class FolderContents:
    """A content store. Use is marked by the access time, which the store sets itself."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)
        for left in self._incoming.iterdir():
            left.unlink()
        self._uses = max((use for use, *_ in self._files()), default=_STAMP)

    def find(self, blake3: str, size: int) -> Path | None:
        """Return where that content is, unchanged since it came, or None."""
        path = self._path(blake3)
        try:
            found = path.stat()
            if found.st_size != size or found.st_mtime != _STAMP:
                path.unlink()
                return None
            self._mark(path)
        except FileNotFoundError:  # another thread may have found it damaged as well
            return None
        return path

    def incoming(self) -> Path:
        """Return a new name to which content may be written before it is added."""
        return self._incoming / new_id()

    def add(self, blake3: str, path: Path) -> Path:
        """Take the file at `path` in, under its hash; returns where it is."""
        target = self._path(blake3)
        target.parent.mkdir(exist_ok=True)
        path.chmod(0o444)
        self._mark(path)
        path.replace(target)
        return target

    def trim(self, ceiling: int) -> None:
        """Delete what was used longest ago until at most `ceiling` bytes are left.

        A workspace keeps its own link, so nothing that is being rendered goes away.
        """
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= ceiling:
                return
            path.unlink(missing_ok=True)
            total -= size

    def _files(self) -> list[tuple[int, int, Path]]:
        """Return (use, size, path) of every file."""
        found = []
        for path in self._root.glob("??/*"):
            with suppress(FileNotFoundError):  # it has been deleted since it was listed
                status = path.stat()
                found.append((int(status.st_atime), status.st_size, path))
        return found

    def _mark(self, path: Path) -> None:
        """Count a use up and write it where the access time stands."""
        self._uses += 1
        os.utime(path, (self._uses, _STAMP))

    def _path(self, blake3: str) -> Path:
        if len(blake3) != 64 or not set(blake3) <= set("0123456789abcdef"):  # noqa: PLR2004  # hex digits of a BLAKE3
            raise ValueError(f"{blake3!r} is no BLAKE3 in hex")
        return self._root / blake3[:2] / blake3

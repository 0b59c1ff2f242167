"""What an engine prints: on the disk up to a size, and its last lines at hand."""

from pathlib import Path

_TAIL = 4000
_PER_FRAME = 2**20
_IN_ALL = 2**28
_CUT = b"\n[more output of this frame was not kept]\n"


class OutputLog:
    """Appends an engine's output to a file, a bounded piece for each frame."""

    def __init__(self, path: Path, *, per_frame: int = _PER_FRAME, in_all: int = _IN_ALL) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._per_frame = per_frame
        self._left = per_frame
        self._left_in_all = in_all
        self._tail = b""

    @property
    def tail(self) -> str:
        """The end of the output, whether it was kept or not."""
        return self._tail.decode("utf-8", "replace").strip()

    def begin_frame(self) -> None:
        """Make room for the output of one more frame, and forget the tail of the last one."""
        self._left = min(self._per_frame, self._left_in_all)
        self._tail = b""

    def write(self, data: bytes) -> None:
        """Keep the output."""
        self._tail = (self._tail + data[-_TAIL:])[-_TAIL:]
        if self._left <= 0:
            return
        kept = data[: self._left]
        self._left -= len(kept)
        self._left_in_all -= len(kept)
        self._file.write(kept if self._left else kept + _CUT)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

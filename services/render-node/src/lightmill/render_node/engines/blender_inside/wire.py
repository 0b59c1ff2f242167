"""Tells the node what happens, apart from all that Blender prints."""

import json
import os
import re
import sys
import time

MARK = "@lightmill "
EVENTS_PER_SECOND = 10.0
_SAMPLE = re.compile(r"Sample (\d+)/(\d+)")


class SceneError(Exception):
    """The scene cannot be rendered as asked.

    Attributes:
        kind: The kind of failure.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class Wire:
    """Events to the node; what Blender prints goes to standard error, and so to the log."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._fd = os.dup(1)
        os.set_inheritable(self._fd, False)  # noqa: FBT003  # the standard library's signature
        os.dup2(2, 1)
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a plain stream

    def tell(self, event: str, **rest: object) -> None:
        """Write one event, on a line of its own whatever was printed before."""
        line = f"\n{MARK}{json.dumps({'event': event, **rest})}\n"
        os.write(self._fd, line.encode())


class ProgressTeller:
    """Turns what Blender says while it renders into shares of the frame.

    Attributes:
        samples: Samples a pixel that the frame has got so far; None where nothing was said.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._told_at = 0.0
        self.samples: int | None = None

    def __call__(self, stats: object, *_: object) -> None:
        """Take a line of statistics; Blender calls this."""
        found = _SAMPLE.search(str(stats))
        if not found:
            return
        done, of = int(found[1]), int(found[2])
        self.samples = max(done, self.samples or 0)
        now = time.monotonic()
        if now - self._told_at >= 1 / EVENTS_PER_SECOND:
            self._told_at = now
            self._wire.tell("progress", share=round(done / max(1, of), 4))

"""Becomes the engine, held to limits and bound to the node's life; a script on its own.

`launcher.py PARENT FILE_BYTES PROGRAM ARGUMENT...`: the program ends when PARENT does, leaves no
core file, writes no file beyond FILE_BYTES, and is the first to go when the machine's memory
runs out.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

_SET_PARENT_DEATH_SIGNAL = 1
_LIKELY_TO_GO = "800"


def bind_to(parent: int) -> None:
    """Die with the parent, and at once where it is gone already."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the node is gone")
    with contextlib.suppress(OSError):  # some containers show /proc read-only
        Path("/proc/self/oom_score_adj").write_text(_LIKELY_TO_GO, encoding="ascii")


def main() -> None:
    """Replace this process by the program."""
    parent, file_bytes, *argv = sys.argv[1:]
    bind_to(int(parent))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    most = int(file_bytes) if hard == resource.RLIM_INFINITY else min(int(file_bytes), hard)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    try:
        os.execvp(argv[0], argv)  # noqa: S606  # this is what it is for
    except OSError as error:
        sys.exit(f"{argv[0]} cannot be run: {error.strerror}")


if __name__ == "__main__":
    main()

"""The command line that becomes an engine, held to limits and bound to the node's life."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from shutil import which

_LAUNCHER = Path(__file__).with_name("launcher.py")
_BLOCK = 512  # bytes, in which a POSIX shell counts
_BECOME = """
[ "$PPID" = "$1" ] || { echo "the node is gone" >&2; exit 1; }
{ echo 800 >/proc/self/oom_score_adj; } 2>/dev/null || :
ulimit -c 0
ulimit -f "$2" 2>/dev/null || :
shift 2
exec "$@"
"""
"""What `launcher.py` does, for a shell; a lower limit that stands already is left."""
_PROBE_S = 10

Launched = Callable[[Sequence[str], int], tuple[str, ...]]
"""Takes the program with its arguments, and the size in bytes that no file may exceed."""


def by_shell(argv: Sequence[str], file_bytes: int) -> tuple[str, ...]:
    """Return the command line that starts in a tenth of the time, where `setpriv` works."""
    limits = (str(os.getpid()), str(file_bytes // _BLOCK))
    return ("setpriv", "--pdeathsig", "KILL", "/bin/sh", "-c", _BECOME, "engine", *limits, *argv)


def by_python(argv: Sequence[str], file_bytes: int) -> tuple[str, ...]:
    """Return the command line that needs nothing but Python."""
    limits = (str(os.getpid()), str(file_bytes))
    return (sys.executable, "-I", "-S", str(_LAUNCHER), *limits, *argv)


@cache
def find_launch() -> Launched:
    """Return the faster of those that work here."""
    return by_shell if _works() else by_python


def _works() -> bool:
    """Tell whether this machine has util-linux's `setpriv`; others know no such option."""
    if which("setpriv") is None:
        return False
    probe = ("setpriv", "--pdeathsig", "KILL", "/bin/sh", "-c", ":")
    try:
        ended = subprocess.run(probe, check=False, capture_output=True, timeout=_PROBE_S)  # noqa: S603  # our own command line
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0

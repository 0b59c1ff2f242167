"""The command line that becomes an engine, held to limits and bound to the node's life."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from shutil import which

_LAUNCHER = Path(__file__).with_name("launcher.py")
_BLOCK = 512  # bytes, in which a POSIX shell counts
_BIND = """
[ "$PPID" = "$1" ] || { echo "the node is gone" >&2; exit 1; }
{ echo 800 >/proc/self/oom_score_adj; } 2>/dev/null || :
ulimit -c 0
"""
_BECOME = f"""{_BIND}
ulimit -f "$2" 2>/dev/null || :
shift 2
exec "$@"
"""
"""What `launcher.py` does, for a shell; a lower limit that stands already is left."""
_WAIT = f"""{_BIND}
. /dev/stdin
"""
_SET_BY_SHELLS = frozenset({"PPID", "UID", "EUID", "SHELLOPTS", "BASHOPTS", "BASH_VERSINFO"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PROBE_S = 10

Launched = Callable[[Sequence[str], int], tuple[str, ...]]
"""Takes the program with its arguments, and the size in bytes that no file may exceed."""


def by_shell(argv: Sequence[str], file_bytes: int) -> tuple[str, ...]:
    """Return the command line that starts in a tenth of the time, where `setpriv` works."""
    limits = (str(os.getpid()), str(file_bytes // _BLOCK))
    return ("setpriv", "--pdeathsig", "KILL", "/bin/sh", "-c", _BECOME, "engine", *limits, *argv)


def waiting_shell() -> tuple[str, ...]:
    """Return the command line of a shell that waits, bound and held, for `becoming` on its input.

    It needs no environment.
    """
    program = which("setpriv") or "setpriv"
    return (program, "--pdeathsig", "KILL", "/bin/sh", "-c", _WAIT, "engine", str(os.getpid()))


def becoming(
    argv: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    file_bytes: int,
    descriptors: Sequence[int],
) -> bytes | None:
    """Return what makes a waiting shell that program; None for what a shell cannot pass on.

    Its output ends, as the shell had it, once it holds `descriptors`, which are of this process.
    """
    if any(not _NAME.fullmatch(name) or name in _SET_BY_SHELLS for name in environment):
        return None
    ours = f"/proc/{os.getpid()}/fd"
    streams = zip((*"012",), "<>>", descriptors, strict=True)
    return os.fsencode(
        "exec " + " ".join(f"{fd}{way}{ours}/{there}" for fd, way, there in streams) + "\n"
        f"cd {shlex.quote(str(folder))} || exit\n"
        f"ulimit -f {file_bytes // _BLOCK} 2>/dev/null || :\n"
        "unset OLDPWD PWD\n"
        + "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
        + f"exec {shlex.join(argv)}\n"
    )


def by_python(argv: Sequence[str], file_bytes: int) -> tuple[str, ...]:
    """Return the command line that needs nothing but Python."""
    limits = (str(os.getpid()), str(file_bytes))
    return (sys.executable, "-I", "-S", str(_LAUNCHER), *limits, *argv)


@cache
def find_launch() -> Launched:
    """Return the faster of those that work here."""
    return by_shell if _works() else by_python


def shells_can_wait() -> bool:
    """Tell whether a shell that waits can be had, and take over what this process has open."""
    if find_launch() is not by_shell:
        return False
    with Path(os.devnull).open("rb") as nothing, Path(os.devnull).open("wb") as out:
        descriptors = (nothing.fileno(), out.fileno(), out.fileno())
        told = becoming(("true",), {"PATH": os.defpath}, Path("/"), 0, descriptors)
        return told is not None and _runs(waiting_shell(), told)


def _works() -> bool:
    """Tell whether this machine has util-linux's `setpriv`; others know no such option."""
    return which("setpriv") is not None and _runs(
        ("setpriv", "--pdeathsig", "KILL", "/bin/sh", "-c", ":")
    )


def _runs(command: Sequence[str], told: bytes = b"") -> bool:
    try:
        ended = subprocess.run(  # noqa: S603  # our own command line
            command, check=False, capture_output=True, timeout=_PROBE_S, input=told
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0

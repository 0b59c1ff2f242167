"""The narrowest place in which a reader of hostile files can be run on this machine."""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

_TRIAL_S = 10.0
_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache")


def bubblewrap() -> str | None:
    """Return the path of bubblewrap where it is installed and this process may use it.

    Blocks for some milliseconds.
    """
    found = shutil.which("bwrap")
    if found is None:
        return None
    trial = [*_inside(found, ()), sys.executable, "-I", "-c", "pass"]
    try:
        done = subprocess.run(trial, capture_output=True, timeout=_TRIAL_S, check=False)  # noqa: S603  # our own command
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found if done.returncode == 0 else None


def command(
    program: Sequence[str], folder: Path, readable: Iterable[Path], bwrap: str | None
) -> list[str]:
    """Return how `program` is started.

    Args:
        program: What is run, in Python's own words; it finds `folder` under its own name.
        folder: The one place that it may write to.
        readable: Files and folders that it needs beside Python.
        bwrap: From `bubblewrap`; with None the program sees the machine's files and network.
    """
    if bwrap is None:
        return list(program)
    seen = [part for path in map(str, readable) for part in ("--ro-bind", path, path)]
    return [*_inside(bwrap, ("--bind", str(folder), str(folder), *seen)), *program]


def _inside(bwrap: str, binds: Sequence[str]) -> list[str]:
    pythons = dict.fromkeys(str(Path(path).resolve()) for path in (sys.prefix, sys.base_prefix))
    system = [part for path in (*_SYSTEM, *pythons) for part in ("--ro-bind-try", path, path)]
    return [
        bwrap,
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--tmpfs",
        "/tmp",  # noqa: S108  # the sandbox's own; before the binds, which may lie below it
        *system,
        *binds,
    ]

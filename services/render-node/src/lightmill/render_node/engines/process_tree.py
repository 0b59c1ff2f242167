"""The processes below a process: how much memory they hold, and how they are ended."""

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import psutil

_LOOK_AGAIN = (0.0005, 0.01)
"""Seconds between two looks, the first and the longest: most are gone in a millisecond."""
_BEGINNING_S = 2.0
"""Seconds at most until a program that has been started has its environment."""
_HIGH_WATER = re.compile(r"^VmHWM:\s*(\d+) kB", re.MULTILINE)
_PAGE = os.sysconf("SC_PAGE_SIZE")
MARK = "LIGHTMILL_ENGINE"
"""Every engine has it in its environment, so that one that outlived its node can be found."""


def members(root: int) -> list[int]:
    """Return `root` and its descendants, without those that nobody has waited for."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        if _alive(pid):
            found.append(pid)
        waiting.extend(_children(pid))
    return found


def memory(pids: Iterable[int]) -> int:
    """Return the bytes of RAM that the processes hold; pages that they share count for each."""
    return sum(map(_resident, pids))


def peak(pids: Iterable[int]) -> int:
    """Return the most bytes of RAM that the processes have held, each at its own moment."""
    return sum(map(_most_resident, pids))


def marked(value: str, among: Iterable[int] | None = None) -> list[int]:
    """Return the processes whose mark begins with `value`, wherever they hang in the tree.

    Args:
        value: The mark, or the first of it.
        among: Where to look; all of the machine's processes if not said.
    """
    wanted = f"{MARK}={value}".encode()
    pids = psutil.pids() if among is None else among
    return [pid for pid in pids if _carries(pid, wanted) and _alive(pid)]


def end_all(marks: Sequence[str]) -> None:
    """Kill all that carries one of the marks, each of a tree whose root has ended.

    However many ended at about the same time, the machine's processes are gone through once.
    """
    for mark in _found(marks):
        end(None, mark)


def end(root: int | None, mark: str, patience: float = 10.0) -> bool:
    """Kill a tree and all that carries the mark; tells whether everything is gone.

    Args:
        root: Top of the tree, or None when it has been waited for and its number may be
            another's by now.
        mark: What the environment of its processes holds.
        patience: Seconds until it gives up on what cannot be killed.
    """
    until = time.monotonic() + patience
    pause, longest = _LOOK_AGAIN
    # What hangs below the root goes first; who left the tree is looked for once that is gone.
    pids = members(root) if root is not None else []
    pids = pids or _known(root, mark)
    while pids:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > until:
            return False
        time.sleep(pause)
        pause = min(2 * pause, longest)
        pids = [pid for pid in pids if _alive(pid)] or _known(root, mark)
    return True


def _found(marks: Sequence[str]) -> set[str]:
    """Return those of the marks that a living process carries."""
    wanted = {mark: f"{MARK}={mark}".encode() for mark in marks}
    found: set[str] = set()
    for pid in psutil.pids():
        environment = _environment(pid)
        if MARK.encode() in environment and _alive(pid):
            found.update(mark for mark, line in wanted.items() if line in environment)
    return found


def _known(root: int | None, mark: str) -> list[int]:
    tree = members(root) if root is not None else []
    return [*tree, *(pid for pid in marked(mark) if pid not in tree)]


def _children(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                yield from map(int, (thread / "children").read_text("ascii").split())


def _alive(pid: int) -> bool:
    """Tell whether the process still runs; one that is dead but not waited for does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat[stat.rindex(b")") + 2 :][:1] not in {b"Z", b"X"}


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _most_resident(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text("utf-8", "replace")
    except OSError:
        return 0
    found = _HIGH_WATER.search(status)
    return int(found[1]) * 1024 if found else 0


def _carries(pid: int, wanted: bytes) -> bool:
    environment = _environment(pid)
    return environment.startswith(wanted) or b"\0" + wanted in environment


def _environment(pid: int) -> bytes:
    """Return its environment.

    Whoever starts a program hears of its start before the kernel has put its arguments and its
    environment in place, so that those of one that has just begun are waited for.
    """
    found = _read(pid, "environ")
    if found or not _is_program(pid):
        return found
    until = time.monotonic() + _BEGINNING_S
    while not _read(pid, "cmdline") and _is_program(pid) and time.monotonic() < until:
        time.sleep(_LOOK_AGAIN[0])
    return _read(pid, "environ")


def _is_program(pid: int) -> bool:
    """Tell whether it is neither the kernel's own nor one that has ended."""
    try:
        return bool(os.readlink(f"/proc/{pid}/exe"))  # noqa: PTH115  # as below
    except OSError:
        return False


def _read(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb", buffering=0) as file:  # noqa: PTH123  # hundreds of them: a Path costs more than the reading
            return file.read()
    except OSError:
        return b""

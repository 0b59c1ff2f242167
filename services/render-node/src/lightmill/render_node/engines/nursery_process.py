"""The parent of engines that have no walls; a script on its own.

`nursery_process.py FD`: over the socket FD it is asked for programs, each with the descriptors of
its input, output and errors. Programs inherit from it that they leave no core file and are the
first to go when memory runs out; what they leave behind becomes its child. When the other end
of the socket is closed, which the kernel does for a node that is killed, it kills all of them.
"""

import array
import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SET_CHILD_SUBREAPER = 36
_LIKELY_TO_GO = b"800"
_DEAF_TO = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AS_USUAL = (*_DEAF_TO, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD)
_LONGEST = 2**17
_DESCRIPTORS = 3
_PATIENCE_S = 10.0
_LOOK_S = 0.001
_NOT_FOUND = 127


class Nursery:
    """Starts programs and tells of their ends, in one thread."""

    def __init__(self, farm: socket.socket) -> None:
        self._farm = farm
        self._living: set[int] = set()

    def live(self, woken: int) -> None:
        """Serve until nobody is at the other end, and end what lives then."""
        poll = select.poll()
        poll.register(self._farm, select.POLLIN)
        poll.register(woken, select.POLLIN)
        with contextlib.suppress(OSError):
            while self._turn([fd for fd, _ in poll.poll()], woken):
                pass
        self._end_all()

    def _turn(self, ready: Sequence[int], woken: int) -> bool:
        if woken in ready:
            os.read(woken, 4096)
            self._tell_ends()
        return self._farm.fileno() not in ready or self._take()

    def _take(self) -> bool:
        """Start what is asked for; tell whether anybody is there."""
        asked, descriptors = _received(self._farm)
        if not asked:
            return False
        try:
            self._start(json.loads(asked), descriptors)
        finally:
            for fd in descriptors:
                os.close(fd)
        return True

    def _start(self, asked: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        name = asked["name"]
        try:
            os.chdir(asked["folder"])
            pid = _spawned(asked, descriptors)
        except OSError as error:
            program = asked["argv"][0]
            os.write(descriptors[2], f"{program} cannot be run: {error.strerror}\n".encode())
            self._tell({"name": name, "unborn": _NOT_FOUND})
            return
        self._living.add(pid)
        self._tell({"name": name, "pid": pid})

    def _tell_ends(self) -> None:
        ended = [(pid, code) for pid, code in _reaped() if pid in self._living]
        self._living.difference_update(pid for pid, _ in ended)
        if ended:
            self._tell({"ended": ended, "strays": self._has_strays()})

    def _has_strays(self) -> bool:
        """Tell whether programs that have ended may have left others; unsure counts as yes."""
        children = _children()
        return children is None or not children <= self._living

    def _tell(self, what: Mapping[str, object]) -> None:
        self._farm.send(json.dumps(what).encode())

    def _end_all(self) -> None:
        """Kill every child, and those that become children by that."""
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            children = _children()
            for pid in self._living if children is None else children:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            self._living.difference_update(pid for pid, _ in _reaped())
            if not (self._living or _children()):
                return
            time.sleep(_LOOK_S)


def _received(farm: socket.socket) -> tuple[bytes, Sequence[int]]:
    """Return a message and its descriptors, which no other program may inherit."""
    found = array.array("i")
    room = socket.CMSG_SPACE(_DESCRIPTORS * found.itemsize)
    told, more, _, _ = farm.recvmsg(_LONGEST, room, socket.MSG_CMSG_CLOEXEC)
    for _, _, data in more:
        found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return told, found


def _spawned(asked: Mapping[str, Any], descriptors: Sequence[int]) -> int:
    """Return the process; its files are limited from its first instruction on."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = (
        asked["file_bytes"] if most == resource.RLIM_INFINITY else min(asked["file_bytes"], most)
    )
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
    pid = _found(asked["argv"], asked["environment"], descriptors)
    with contextlib.suppress(OSError):  # it has ended, or is another user's by now
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, limit))
    return pid


def _found(argv: list[str], environment: Mapping[str, str], descriptors: Sequence[int]) -> int:
    """Return the process of the first program of that name on the environment's own path."""
    error: OSError = FileNotFoundError(2, os.strerror(2))
    for program in _candidates(argv[0], environment):
        try:
            return os.posix_spawn(
                program,
                argv,
                environment,
                file_actions=[(os.POSIX_SPAWN_DUP2, fd, to) for to, fd in enumerate(descriptors)],
                setsid=True,
                setsigdef=_AS_USUAL,
            )
        except OSError as found:
            if not isinstance(found, (FileNotFoundError, NotADirectoryError)):
                error = found
    raise error


def _candidates(name: str, environment: Mapping[str, str]) -> Iterator[str]:
    if "/" in name:
        yield name
        return
    for folder in environment.get("PATH", os.defpath).split(os.pathsep):
        yield os.path.join(folder, name)  # noqa: PTH118  # a Path costs more than the start


def _reaped() -> Iterator[tuple[int, int]]:
    """Yield each child that has ended, with its exit code; a signal is a negative one."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def _children() -> set[int] | None:
    """Return the children, or None where the kernel does not tell.

    None is overlooked: they leave the list when they are waited for, which only this thread does.
    """
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb", buffering=0) as file:  # noqa: PTH123  # a Path costs more
            return set(map(int, file.read().split()))
    except OSError:
        return None


def main() -> None:
    """Live as long as the node does."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb") as file:  # noqa: PTH123  # as above
        file.write(_LIKELY_TO_GO)
    farm = socket.socket(fileno=int(sys.argv[1]))
    farm.set_inheritable(False)
    os.closerange(farm.fileno() + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in _DEAF_TO:  # it ends after the engines, and not before
        signal.signal(number, signal.SIG_IGN)
    Nursery(farm).live(woken)


if __name__ == "__main__":
    main()

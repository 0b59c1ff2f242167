"""One process beside the node that starts engines for it and tells of their ends."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import structlog

from lightmill.render_node.engines import process_tree
from lightmill.render_node.engines.births import Birth, Child, OwnBirths

_log = structlog.get_logger(__name__)
_PROCESS = Path(__file__).with_name("nursery_process.py")
_LONGEST = 2**16
"""Bytes of a request; what is longer is started by the node itself."""
_KILLED = -9


class Nursery:
    """Starts processes at a third of what the node itself would pay, and off its event loop.

    `nursery_process.py` is the parent of what it starts, so it knows without a look at the
    machine whether a process that has ended left others. It dies after the node does, and takes
    everything along; should it die first, so does everything that it has started.
    """

    def __init__(self) -> None:
        self._own = OwnBirths()
        self._socket: socket.socket | None = None
        self._pid = 0
        self._names = count(1)
        self._unborn: dict[int, asyncio.Future[Ward]] = {}
        self._living: dict[int, Ward] = {}

    async def start(self, birth: Birth) -> Child:
        """Return the process; see `Births`.

        A program that cannot be run ends with 127, its error output says why.
        """
        name = next(self._names)
        asked = _asked(name, birth)
        if len(asked) > _LONGEST:
            return await self._own.start(birth)
        born = self._unborn[name] = asyncio.get_running_loop().create_future()
        born.add_done_callback(_consumed)
        self._send(name, asked, birth)
        try:
            return await asyncio.shield(born)
        except asyncio.CancelledError:
            ward = await born
            await asyncio.to_thread(process_tree.end, ward.pid, birth.mark)
            raise

    async def close(self) -> None:
        """Return when the process has gone, and with it what it had started."""
        if self._socket is not None:
            self._leave()
            await asyncio.to_thread(os.waitpid, self._pid, 0)

    def _send(self, name: int, asked: bytes, birth: Birth) -> None:
        """Ask for a start; where the process has died unnoticed, another is asked."""
        try:
            socket.send_fds(self._open(), [asked], birth.descriptors)
        except ConnectionError:
            born = self._unborn.pop(name)
            self._lose()
            self._unborn[name] = born
            socket.send_fds(self._open(), [asked], birth.descriptors)

    def _open(self) -> socket.socket:
        if self._socket is None:
            here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with there:
                self._pid = _spawned(there)
            self._socket = here
            asyncio.get_running_loop().add_reader(here, self._on_news, here)
        return self._socket

    def _on_news(self, connection: socket.socket) -> None:
        try:
            while told := connection.recv(_LONGEST, socket.MSG_DONTWAIT):
                self._hear(json.loads(told))
        except BlockingIOError:
            return
        except ConnectionError:
            pass
        self._lose()

    def _hear(self, told: Mapping[str, Any]) -> None:
        match told:
            case {"name": int(name), "pid": int(pid)}:
                ward = self._living[pid] = Ward(pid)
                self._unborn.pop(name).set_result(ward)
            case {"name": int(name), "unborn": int(code)}:
                ward = Ward(0)
                ward.end(code, left_nothing=True)
                self._unborn.pop(name).set_result(ward)
            case {"ended": list(ended), "strays": bool(strays)}:
                for pid, code in ended:
                    self._living.pop(pid).end(code, left_nothing=not strays)
            case _:
                _log.error("the nursery says what is not understood", told=told)

    def _lose(self) -> None:
        """Count everything that it has started as ended; what lives on is found by its mark."""
        if self._socket is None:
            return
        _log.error("the process that starts engines has died", living=len(self._living))
        self._leave()
        os.waitpid(self._pid, 0)
        for ward in self._living.values():
            ward.end(_KILLED, left_nothing=False)
        self._living.clear()
        for born in self._unborn.values():
            born.set_exception(ChildProcessError("the process that starts engines has died"))
        self._unborn.clear()

    def _leave(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None


class Ward:
    """A process that the nursery has started."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.left_nothing = False
        self._ended = asyncio.Event()

    def end(self, code: int, *, left_nothing: bool) -> None:
        """Note how it ended."""
        self.returncode, self.left_nothing = code, left_nothing
        self._ended.set()

    async def wait(self) -> int:
        """Return what it ended with, once it has."""
        await self._ended.wait()
        return self.returncode or 0


def _asked(name: int, birth: Birth) -> bytes:
    return json.dumps(
        {
            "name": name,
            "argv": list(birth.argv),
            "environment": dict(birth.environment),
            "folder": str(birth.folder),
            "file_bytes": birth.file_bytes,
        }
    ).encode()


def _spawned(there: socket.socket) -> int:
    """Return the process at the other end; it is in no session that a terminal could end."""
    at = there.fileno()
    return os.posix_spawn(
        sys.executable,
        (sys.executable, "-I", "-S", str(_PROCESS), "3"),
        {"LANG": "C.UTF-8"},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, at, 3),
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        ],
        setsid=True,
    )


def _consumed(born: "asyncio.Future[Ward]") -> None:
    """Keep the loop from complaining of an error that nobody waits for any more."""
    if not born.cancelled():
        born.exception()

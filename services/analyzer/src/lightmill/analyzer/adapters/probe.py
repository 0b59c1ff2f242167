"""A program that reads hostile files in a child process that is held to limits."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightmill
from lightmill.analyzer.adapters import sandbox
from lightmill.analyzer.ports import UnreadableSceneError

_SOURCES = tuple(dict.fromkeys(Path(place).parent for place in lightmill.__path__))
"""Where Lightmill's own code lies: what probes import of it has to be seen from the sandbox."""
_START = (
    "import runpy, sys; sys.path += sys.argv.pop(1).split(':'); del sys.argv[0]; "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)
"""Python is started without an environment (-I), so it is told where that code lies."""
_LONGEST_OUTPUT = 2**26
_PIECE = 2**16
_GONE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimits:
    """What reading one file may take: seconds, bytes of memory, bytes of files unpacked."""

    seconds: float
    memory: int
    size: int


@dataclass(frozen=True, slots=True)
class Probe:
    """Runs `program`, in bubblewrap where there is one.

    Attributes:
        limits: Of each run.
        bwrap: From `sandbox.bubblewrap`.
        program: Takes `<folder> <file> <memory> <seconds> <bytes>`, prints one JSON object.
        python: Runs it.
        readable: What that Python has to see beside Lightmill's own code.
    """

    limits: ProcessLimits
    bwrap: str | None
    program: Path
    python: Path = Path(sys.executable)
    readable: tuple[Path, ...] = ()

    async def __call__(self, folder: Path, name: str) -> Mapping[str, Any]:
        """Return what the program prints of the file `name` in `folder`.

        Raises:
            UnreadableSceneError: it says why it cannot, dies, or takes too long.
        """
        try:
            async with asyncio.timeout(self.limits.seconds), self._running(folder, name) as child:
                output = await _output(child)
                code = await child.wait()
        except TimeoutError:
            limit = self.limits.seconds
            raise UnreadableSceneError(f"{name} takes longer than {limit:g} s to read") from None
        return _printed(name, output, code)

    @asynccontextmanager
    async def _running(self, folder: Path, name: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Give the child, whose whole group is dead when the block is left."""
        limits = self.limits
        numbers = (limits.memory, int(limits.seconds) + 1, limits.size)
        start = [str(self.python), "-I", "-c", _START, ":".join(map(str, _SOURCES))]
        program = [*start, str(self.program), str(folder), name, *map(str, numbers)]
        child = await asyncio.create_subprocess_exec(
            *sandbox.command(
                program, folder, (self.program, *_SOURCES, *self.readable), self.bwrap
            ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=folder,
            env={"TMPDIR": str(folder)},
            start_new_session=True,
        )
        try:
            yield child
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            async with asyncio.timeout(_GONE_S):
                await _gone(child)


async def _gone(child: asyncio.subprocess.Process) -> None:
    # What is left in the pipe has to be read, or the pipe stays open after the process.
    while child.stdout is not None and await child.stdout.read(_PIECE):
        pass
    await child.wait()


async def _output(child: asyncio.subprocess.Process) -> bytes:
    pieces, size = [], 0
    while child.stdout is not None and (piece := await child.stdout.read(_PIECE)):
        pieces.append(piece)
        size += len(piece)
        if size > _LONGEST_OUTPUT:
            raise UnreadableSceneError("the scene says more about itself than this farm reads")
    return b"".join(pieces)


def _printed(name: str, output: bytes, code: int) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(output)
    except ValueError:
        raise UnreadableSceneError(f"{name} cannot be read: its reader {_end(code)}") from None
    if "error" in found:
        raise UnreadableSceneError(str(found["error"]))
    return found


def _end(code: int) -> str:
    if code in {-signal.SIGXCPU, -signal.SIGKILL, 128 + signal.SIGXCPU, 128 + signal.SIGKILL}:
        return "used up the time or the memory that this farm gives"
    return f"ended with code {code}; the file is damaged"

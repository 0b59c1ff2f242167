"""Reads scenes in a child process that is held to limits."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import override

import lightmill
from lightmill.analyzer.adapters import sandbox
from lightmill.analyzer.core.reading import SceneReading, Use
from lightmill.analyzer.ports import SceneReader, UnreadableSceneError

_HERE = Path(__file__)
BLEND = _HERE.with_name("blend_probe.py")
MAYA = _HERE.with_name("maya_probe.py")
_SOURCES = tuple(dict.fromkeys(Path(place).parent for place in lightmill.__path__))
"""Where Lightmill's own code lies: what probes import of it has to be seen from the sandbox."""
_LONGEST_OUTPUT = 2**26
_PIECE = 2**16
_GONE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimits:
    """What reading one scene may take: seconds, bytes of memory, bytes of files unpacked."""

    seconds: float
    memory: int
    size: int


class ProbeReader(SceneReader):
    """Runs a program that prints what a scene holds, in bubblewrap where there is one.

    Args:
        limits: Of each scene.
        bwrap: From `sandbox.bubblewrap`.
        probe: The program: `BLEND`, `MAYA` …
        needs: What files the program reads, by suffix or name.
    """

    def __init__(
        self, limits: ProcessLimits, bwrap: str | None, probe: Path, needs: Iterable[str]
    ) -> None:
        self._limits = limits
        self._bwrap = bwrap
        self._probe = probe
        self.needs = frozenset(needs)

    @override
    async def read(self, folder: Path, scene: str) -> SceneReading:
        try:
            async with (
                asyncio.timeout(self._limits.seconds),
                self._running(folder, scene) as child,
            ):
                output = await _output(child)
                code = await child.wait()
        except TimeoutError:
            limit = self._limits.seconds
            raise UnreadableSceneError(f"{scene} takes longer than {limit:g} s to read") from None
        return _reading(scene, output, code)

    @asynccontextmanager
    async def _running(
        self, folder: Path, scene: str
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """Give the child, whose whole group is dead when the block is left."""
        limits = self._limits
        numbers = (limits.memory, int(limits.seconds) + 1, limits.size)
        program = [sys.executable, "-I", str(self._probe), str(folder), scene, *map(str, numbers)]
        child = await asyncio.create_subprocess_exec(
            *sandbox.command(program, folder, (self._probe, *_SOURCES), self._bwrap),
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


def _reading(scene: str, output: bytes, code: int) -> SceneReading:
    try:
        found = json.loads(output)
    except ValueError:
        raise UnreadableSceneError(f"{scene} cannot be read: its reader {_end(code)}") from None
    if "error" in found:
        raise UnreadableSceneError(str(found["error"]))
    return SceneReading(scene_info=found["scene_info"], uses=tuple(map(_use, found["uses"])))


def _end(code: int) -> str:
    if code in {-signal.SIGXCPU, -signal.SIGKILL, 128 + signal.SIGXCPU, 128 + signal.SIGKILL}:
        return "used up the time or the memory that this farm gives"
    return f"ended with code {code}; the file is damaged"


def _use(item: Mapping[str, Any]) -> Use:
    places = item.get("places")
    return Use(
        path=str(item["path"]),
        referrer=str(item["referrer"]),
        name=str(item["name"]),
        sequence=bool(item["sequence"]),
        places=None if places is None else tuple(map(str, places)),
    )

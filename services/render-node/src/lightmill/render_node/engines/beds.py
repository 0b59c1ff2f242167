"""Shells that wait to become engines: what starting them takes is done before a frame waits."""

import asyncio
import contextlib
import os
from asyncio.subprocess import DEVNULL, Process

import structlog

from lightmill.render_node.engines import process_tree
from lightmill.render_node.engines.births import Birth, Births, Child, OwnBirths, OwnChild
from lightmill.render_node.engines.launching import becoming, waiting_shell

_log = structlog.get_logger(__name__)
_LONGEST = 2**15
"""Bytes, which a pipe takes at once."""
_RENEW_S = 0.25
"""After which the next is made: until then the engine has the machine for itself."""


class Beds:
    """Has one shell wait, bound to the node's life and held to limits, for the next process.

    The shell becomes the process, so each serves once and knows nothing of the one before. What
    comes while none waits, or cannot be told to a shell, is started by the node as always.
    """

    def __init__(self) -> None:
        self._own: Births = OwnBirths()
        self._bed: Bed | None = None
        self._renewal: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int | None:
        """The process that waits, if one does."""
        return self._bed.process.pid if self._bed else None

    async def prepare(self) -> None:
        """Return when one waits, if it can be had."""
        if self._bed is None:
            try:
                self._bed = await Bed.made()
            except OSError as error:
                _log.warning("no shell waits for the next engine", error=str(error))

    async def start(self, birth: Birth) -> Child:
        """Return the process; see `Births`."""
        told = becoming(
            birth.argv, birth.environment, birth.folder, birth.file_bytes, birth.descriptors
        )
        if told is None or len(told) > _LONGEST:
            return await self._own.start(birth)
        bed, self._bed = self._bed, None
        self._renew()
        if bed is None or not await bed.become(told, birth.mark):
            return await self._own.start(birth)
        return OwnChild(bed.process)

    async def close(self) -> None:
        """Send the one that waits away."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)
        if self._bed is not None:
            await self._bed.close()
            self._bed = None

    def _renew(self) -> None:
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._prepare_soon())

    async def _prepare_soon(self) -> None:
        await asyncio.sleep(_RENEW_S)
        await self.prepare()


class Bed:
    """A shell that waits to be told what it is to become.

    Attributes:
        process: The shell, and then what it has become.
    """

    def __init__(self, process: Process, say: int, heard: int) -> None:
        self.process = process
        self._say = say
        self._heard = heard

    @classmethod
    async def made(cls) -> "Bed":
        """Return one that waits.

        Raises:
            OSError: it cannot be started.
        """
        listen, say = os.pipe()
        heard, answer = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *waiting_shell(),
                stdin=listen,
                stdout=answer,
                stderr=DEVNULL,
                cwd="/",
                env={},
                start_new_session=True,
            )
        except BaseException:
            os.close(say)
            os.close(heard)
            raise
        finally:
            os.close(listen)
            os.close(answer)
        return cls(process, say, heard)

    async def become(self, told: bytes, mark: str) -> bool:
        """Tell it; True once it has its descriptors, False where it had ended before."""
        if self.process.returncode is not None:
            await self.close()
            return False
        try:
            os.write(self._say, told)
        except BrokenPipeError:
            await self.close()
            return False
        os.close(self._say)
        try:
            await _ended(self._heard)
        except BaseException:
            await asyncio.to_thread(process_tree.end, self.process.pid, mark)
            raise
        finally:
            os.close(self._heard)
        return True

    async def close(self) -> None:
        """Return when it has gone."""
        os.close(self._say)
        os.close(self._heard)
        await self.process.wait()


async def _ended(fd: int) -> None:
    """Return when nobody can write to the pipe any more."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(fd, ended.set)
    with contextlib.ExitStack() as stack:
        stack.callback(loop.remove_reader, fd)
        await ended.wait()

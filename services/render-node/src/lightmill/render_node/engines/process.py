"""A running engine: its input, its output, its memory, its end. Plain asyncio."""

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lightmill.render_node.engines import disk_use, process_tree
from lightmill.render_node.engines.births import Birth, Births, Child, OwnBirths
from lightmill.render_node.engines.farewell import Farewell
from lightmill.render_node.engines.output_log import OutputLog

_CHUNK = 2**16
_LONGEST_LINE = 2**20
_MOST_LINES = 1000
_LOOK = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessPlan:
    """What is run, and what it is held to.

    Attributes:
        environment: All of the environment.
        folder: Where it runs.
        mark: By which its processes can be found.
        ram: Bytes that the tree may hold.
        processes: How many the tree may have.
        merged: Whether its error output is read line by line as well, and nothing said to it.
        patience: Seconds that it may take to leave by itself, from the end of its input.
        disk: Bytes that may lie in its folder, in one file or in all.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    mark: str
    ram: int
    processes: int = 256
    merged: bool = False
    patience: float = 0.0
    disk: int = 2**36


class EngineProcess:
    """A process tree that is gone for good once `close` has returned.

    The pipes are our own: what keeps them open beyond the engine's end holds nothing up.

    Attributes:
        last_output: When it last printed anything, on the event loop's clock.
        verdict: Why the watch killed it: `memory`, `processes`, `disk`, or None.
    """

    def __init__(
        self,
        plan: ProcessPlan,
        log: OutputLog,
        farewell: Farewell | None = None,
        births: Births | None = None,
    ) -> None:
        self._plan = plan
        self._log = log
        self._farewell = farewell or Farewell()
        self._births = births or OwnBirths()
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue(_MOST_LINES)
        self._rest = b""
        self._fds: dict[int, bool] = {}
        self._input = -1
        self._unsent = b""
        self._process: Child | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._pids: list[int] = []
        self.last_output = self._loop.time()
        self.verdict: str | None = None

    @property
    def exit_code(self) -> int | None:
        """What the process ended with, a signal as a negative number; None while it runs."""
        code = self._process.returncode if self._process else None
        return 128 - code if code is not None and code > 128 else code  # noqa: PLR2004  # shells' way

    @property
    def memory_share(self) -> float:
        """How much of the memory that it was granted its processes hold; see `peak_memory`."""
        if self._process is None or self.exit_code is not None:
            return 0.0
        return process_tree.memory(self._known(self._process.pid)) / self._plan.ram

    @property
    def peak_memory(self) -> int | None:
        """The most bytes that its processes have held so far, or None when it has ended.

        Those of its processes that were there when it was looked at last: to walk the tree takes
        as long as many a frame.
        """
        if self._process is None or self.exit_code is not None:
            return None
        return process_tree.peak(self._known(self._process.pid))

    async def start(self) -> None:
        """Start the process in a session of its own.

        Raises:
            OSError: the program is not here or may not be run.
        """
        theirs = self._pipes()
        child_input, child_out, *more = theirs
        birth = Birth(
            argv=self._plan.argv,
            environment={**self._plan.environment, process_tree.MARK: self._plan.mark},
            folder=self._plan.folder,
            mark=self._plan.mark,
            file_bytes=self._plan.disk,
            descriptors=(child_input, child_out, more[0] if more else child_out),
        )
        try:
            self._process = await self._births.start(birth)
        finally:
            for fd in theirs:
                os.close(fd)
        self._tasks = [
            asyncio.create_task(self._await_exit(self._process)),
            asyncio.create_task(self._watch(self._process.pid)),
        ]

    def _pipes(self) -> list[int]:
        """Return the engine's ends: its input, its output, its errors where they are apart."""
        if self._plan.merged:
            child_input = os.open(os.devnull, os.O_RDONLY)
        else:
            child_input, self._input = os.pipe()
            os.set_blocking(self._input, False)
        theirs = [child_input]
        for lines in (True,) if self._plan.merged else (True, False):
            ours, engines = os.pipe()
            theirs.append(engines)
            self._listen(ours, lines=lines)
        return theirs

    def send(self, line: str) -> None:
        """Write a line to the engine's input; what the pipe does not hold follows by and by.

        Raises:
            BrokenPipeError: it reads no more.
        """
        waiting = bool(self._unsent)
        self._unsent += line.encode() + b"\n"
        if not waiting:
            self._write()

    def end_input(self) -> None:
        """Tell the engine that nothing more comes; what was not read yet is lost."""
        if self._input >= 0:
            self._stop_writing()
            os.close(self._input)
            self._input = -1

    async def line(self) -> str | None:
        """Return the next line of its standard output, or None when it has ended."""
        return await self._lines.get()

    async def close(self) -> None:
        """Kill the whole tree and return when it is gone. May be called twice.

        A process that is granted patience is first given the time to leave by itself.
        """
        await self._take_leave()
        for task in self._tasks[1:]:
            task.cancel()
        if self._process is not None and self._process.returncode is None:
            await asyncio.to_thread(process_tree.end, self._process.pid, self._plan.mark)
        elif self._process is not None and not self._process.left_nothing:
            await self._farewell(self._plan.mark)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for fd in list(self._fds):
            self._unlisten(fd)
        self.end_input()

    async def _take_leave(self) -> None:
        running = self._process is not None and self._process.returncode is None
        if not running or not self._plan.patience:
            return
        self.end_input()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._plan.patience):
                await asyncio.shield(self._tasks[0])

    def _write(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._unsent = self._unsent[os.write(self._input, self._unsent) :]
        if self._unsent:
            self._loop.add_writer(self._input, self._on_room)

    def _on_room(self) -> None:
        try:
            self._unsent = self._unsent[os.write(self._input, self._unsent) :]
        except BlockingIOError:
            return
        except OSError:  # its end is told by its output
            self._unsent = b""
        if not self._unsent:
            self._loop.remove_writer(self._input)

    def _stop_writing(self) -> None:
        if self._unsent:
            self._loop.remove_writer(self._input)
            self._unsent = b""

    def _listen(self, fd: int, *, lines: bool) -> None:
        os.set_blocking(fd, False)
        self._fds[fd] = lines
        self._loop.add_reader(fd, self._on_output, fd)

    def _unlisten(self, fd: int) -> None:
        self._loop.remove_reader(fd)
        os.close(fd)
        del self._fds[fd]

    def _on_output(self, fd: int) -> None:
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._unlisten(fd)
            return
        self.last_output = self._loop.time()
        if self._fds[fd]:
            self._log_what_came_before()
            self._split(data)
        else:
            self._log.write(data)

    def _log_what_came_before(self) -> None:
        """Log what was said before the lines just read; the loop may tell of the lines first."""
        for fd in [fd for fd, lines in self._fds.items() if not lines]:
            self._on_output(fd)

    def _split(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            self._log.write(self._rest)
            self._rest = b""
        for line in lines:
            self._offer(line.decode("utf-8", "replace"))

    def _offer(self, line: str) -> None:
        """Queue a line; one that floods its output loses lines, and with them its frame."""
        with contextlib.suppress(asyncio.QueueFull):
            self._lines.put_nowait(line)

    async def _await_exit(self, process: Child) -> None:
        await process.wait()
        for fd in list(self._fds):
            self._drain(fd)
        if self._rest:  # a last line without an end
            self._offer(self._rest.decode("utf-8", "replace"))
        while self._lines.full():
            self._lines.get_nowait()
        self._lines.put_nowait(None)

    def _drain(self, fd: int) -> None:
        """Take what is in the pipe; whoever else holds it open is not waited for."""
        before = -1.0
        while fd in self._fds and before != self.last_output:
            before = self.last_output
            self._on_output(fd)

    async def _watch(self, root: int) -> None:
        while self.verdict is None:
            await asyncio.sleep(_LOOK)
            self.verdict = self._excess(root) or await self._disk_excess()
        await asyncio.to_thread(process_tree.end, root, self._plan.mark)

    def _known(self, root: int) -> list[int]:
        return self._pids or process_tree.members(root)

    def _excess(self, root: int) -> str | None:
        self._pids = process_tree.members(root)
        if len(self._pids) > self._plan.processes:
            return "processes"
        return "memory" if process_tree.memory(self._pids) > self._plan.ram else None

    async def _disk_excess(self) -> str | None:
        used = await asyncio.to_thread(disk_use.used, self._plan.folder)
        return "disk" if used > self._plan.disk else None

"""Listens to one engine process, with the patience that the work's limits allow."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Limits
from lightmill.render_node.engines.contract import Discovered, Event
from lightmill.render_node.engines.output_log import OutputLog
from lightmill.render_node.engines.process import EngineProcess
from lightmill.render_node.engines.wire import MARK
from lightmill.render_node.ports import RenderFailedError

_VERDICTS = {
    "memory": (FailureKind.OUT_OF_MEMORY, "the engine used more memory than it was granted"),
    "disk": (FailureKind.ENGINE, "the engine filled its scratch folder beyond its share"),
    "processes": (FailureKind.ENGINE, "the engine started too many processes"),
}


class Speaker(Discovered, Protocol):
    """What a conversation asks of an engine, warm or cold."""

    def read(self, line: str) -> Event | None:
        """Return what a line tells."""
        ...

    def classify_failure(self, exit_code: int, tail: str) -> FailureKind:
        """Return why the process ended."""
        ...


class Conversation:
    """What one process tells, until it ends or is silent for too long."""

    def __init__(
        self, engine: Speaker, process: EngineProcess, log: OutputLog, limits: Limits
    ) -> None:
        self._engine = engine
        self._process = process
        self._log = log
        self._limits = limits
        self._time = asyncio.get_running_loop().time

    async def event(self, deadline: float | None, what: str) -> Event:
        """Return the next event; what is said goes to the log, but for a driver's own lines.

        Args:
            deadline: On the event loop's clock.
            what: What is waited for, in words.

        Raises:
            RenderFailedError: it ended, is silent for too long, or the deadline has passed.
        """
        event = await self.event_or_end(deadline, what)
        if event is None:
            raise self.ended()
        return event

    async def event_or_end(self, deadline: float | None, what: str) -> Event | None:
        """Return the next event, or None when the process has ended; see `event`."""
        while True:
            line = await self._line(deadline, what)
            if line is None:
                return None
            if not line.startswith(MARK):
                self._log.write(line.encode() + b"\n")
            event = self._engine.read(line)
            if event is not None:
                return event

    def ended(self) -> RenderFailedError:
        """Return why the process, which has ended, rendered nothing."""
        code = self._process.exit_code
        if self._process.verdict is not None:
            kind, detail = _VERDICTS[self._process.verdict]
            return RenderFailedError(kind, self.told(detail))
        kind = self._engine.classify_failure(code or 0, self._log.tail)
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return RenderFailedError(kind, self.told(f"{self._engine.name} ended by {how}"))

    def told(self, cause: str) -> str:
        """Return the cause, and below it the last of the output."""
        tail = self._log.tail
        return f"{cause}\n{tail}" if tail else cause

    async def _line(self, deadline: float | None, what: str) -> str | None:
        silence = self._limits.silence
        while True:
            quiet = None if silence is None else self._process.last_output + silence
            until = min((end for end in (deadline, quiet) if end is not None), default=None)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    return await self._process.line()
            if deadline is not None and self._time() >= deadline:
                raise RenderFailedError(FailureKind.TIMEOUT, self.told(f"{what} took too long"))
            if silence is not None and self._time() >= self._process.last_output + silence:
                cause = f"no output for {silence:g} s, waiting for {what}"
                raise RenderFailedError(FailureKind.TIMEOUT, self.told(cause))


StartProcess = Callable[[OutputLog], EngineProcess]
"""Makes a process, not started yet, that writes to the log."""

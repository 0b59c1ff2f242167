"""A renderer that keeps its engine's process, and starts another when it died."""

import asyncio
import contextlib
from pathlib import Path

from lightmill.domain.failures import FailureKind
from lightmill.render_node.engines.contract import Failed, Progress, Ready, Rendered, WarmEngine
from lightmill.render_node.engines.conversation import Conversation, StartProcess
from lightmill.render_node.engines.output_log import OutputLog
from lightmill.render_node.engines.process import EngineProcess
from lightmill.render_node.ports import (
    Ahead,
    Launch,
    OnProgress,
    RenderedImage,
    RenderFailedError,
)

_NEARLY_FULL = 0.8


class WarmRenderer:
    """Serves the frames of one step by one process, as long as that lives."""

    def __init__(self, engine: WarmEngine, launch: Launch, make_process: StartProcess) -> None:
        self._engine = engine
        self._launch = launch
        self._make_process = make_process
        self._log = OutputLog(launch.log)
        self._process: EngineProcess | None = None
        self._ready = False
        self._begun: Ahead | None = None
        self._free_since = 0.0
        self._version = engine.name
        self._time = asyncio.get_running_loop().time

    async def start(self) -> None:
        """Start the process; the scene opens while others do their part.

        Raises:
            RenderFailedError: it cannot be started.
        """
        process = self._make_process(self._log)
        try:
            await process.start()
            process.send(self._engine.opening(self._launch))
        except OSError as error:
            await process.close()
            detail = f"{self._engine.name} cannot be started: {error}"
            raise RenderFailedError(FailureKind.NODE, detail) from error
        self._process, self._ready = process, False
        self._talk = Conversation(self._engine, process, self._log, self._launch.work.limits)
        self._opened_at = self._time()

    async def render(
        self, frame: int, output: Path, on_progress: OnProgress, ahead: Ahead | None = None
    ) -> RenderedImage:
        """Render `frame` to `output`; see `ports.Renderer`."""
        strange = self._begun is not None and self._begun != (frame, output)
        if strange or (self._begun is None and self._ready and self._nearly_full):
            await self._end_process()  # what grew over the frames must not fail the next one
        if self._process is None:
            await self.start()
        self._log.begin_frame()
        sound = False
        try:
            if not self._ready:
                await self._await_ready()
                on_progress(0.0)
            image = await self._render(self._ask(frame, output, ahead), frame, on_progress)
            sound = True
        finally:
            if not sound:
                # Whether it failed, hangs or was cancelled: what it does now nobody knows.
                await self._end_process()
        return image

    async def close(self) -> None:
        """Kill the process tree; see `ports.Renderer`."""
        await self._end_process()
        self._log.close()

    async def _end_process(self) -> None:
        process, self._process, self._ready, self._begun = self._process, None, False, None
        if process is not None:
            await asyncio.shield(asyncio.ensure_future(process.close()))

    async def _await_ready(self) -> None:
        limit = self._launch.work.limits.start
        deadline = None if limit is None else self._opened_at + limit
        event = await self._talk.event(deadline, "the scene to open")
        while not isinstance(event, Ready):
            if isinstance(event, Failed):
                raise RenderFailedError(event.kind, self._talk.told(event.detail))
            event = await self._talk.event(deadline, "the scene to open")
        self._ready = True
        self._version = f"{self._engine.name} {event.version}".strip()

    def _ask(self, frame: int, output: Path, ahead: Ahead | None) -> float:
        """Have the engine render the frame and then the next; return since when it renders."""
        begun = self._free_since
        if self._begun is None:
            begun = self._time()
            self._send(frame, output)
        self._begun = None
        if ahead is not None and not self._nearly_full:
            self._send(*ahead)
            self._begun = ahead
        return begun

    def _send(self, frame: int, output: Path) -> None:
        with contextlib.suppress(OSError):  # its end is told by the conversation
            self._living.send(self._engine.request(frame, output))

    async def _render(self, begun: float, frame: int, on_progress: OnProgress) -> RenderedImage:
        limit = self._launch.work.limits.frame
        deadline = None if limit is None else begun + limit
        while True:
            match await self._talk.event(deadline, f"frame {frame}"):
                case Progress(share):
                    on_progress(share)
                case Rendered(path, samples):
                    self._free_since = self._time()
                    return RenderedImage(
                        path=self._inside(path),
                        seconds=self._free_since - begun,
                        peak_ram=self._living.peak_memory,
                        samples=samples,
                        engine=self._version,
                    )
                case Failed(kind, detail):
                    raise RenderFailedError(kind, self._talk.told(detail))
                case _:
                    pass

    def _inside(self, path: Path) -> Path:
        scratch = self._launch.scratch
        if not path.is_relative_to(scratch) or ".." in path.parts:
            raise RenderFailedError(FailureKind.OUTPUT, f"{path} is outside the scratch folder")
        return path

    @property
    def _nearly_full(self) -> bool:
        return self._process is not None and self._process.memory_share > _NEARLY_FULL

    @property
    def _living(self) -> EngineProcess:
        if self._process is None:
            raise RuntimeError("the renderer has no process")
        return self._process

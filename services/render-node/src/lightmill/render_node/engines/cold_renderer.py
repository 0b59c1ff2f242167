"""A renderer that starts its engine anew for every frame."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lightmill.domain.failures import FailureKind
from lightmill.render_node.engines.contract import ColdEngine, Command, Failed, Progress, Ready
from lightmill.render_node.engines.conversation import Conversation
from lightmill.render_node.engines.output_log import OutputLog
from lightmill.render_node.engines.process import EngineProcess
from lightmill.render_node.ports import Ahead, Launch, OnProgress, RenderedImage, RenderFailedError

StartCommand = Callable[[Command, OutputLog], EngineProcess]
"""Makes a process, not started yet, of a command."""


class ColdRenderer:
    """Serves the frames of one step, each by a process of its own."""

    def __init__(self, engine: ColdEngine, launch: Launch, make_process: StartCommand) -> None:
        self._engine = engine
        self._launch = launch
        self._make_process = make_process
        self._log = OutputLog(launch.log)
        self._time = asyncio.get_running_loop().time

    async def render(
        self, frame: int, output: Path, on_progress: OnProgress, ahead: Ahead | None = None
    ) -> RenderedImage:
        """Render `frame` to `output`; see `ports.Renderer`."""
        del ahead
        self._log.begin_frame()
        begun = self._time()
        process = await self._started(frame, output)
        try:
            talk = Conversation(self._engine, process, self._log, self._launch.work.limits)
            await self._attend(talk, frame, on_progress)
            if process.exit_code != 0 or process.verdict is not None:
                raise talk.ended()
            patterns = self._engine.outputs(self._launch, frame, output)
            image = self._image(talk, output, patterns) if patterns else output
        finally:
            await asyncio.shield(asyncio.ensure_future(process.close()))
        seconds = self._time() - begun
        return RenderedImage(
            path=image, seconds=seconds, engine=self._engine.name, exists=bool(patterns)
        )

    async def close(self) -> None:
        """Close the log; no process outlives its frame."""
        self._log.close()

    async def _started(self, frame: int, output: Path) -> EngineProcess:
        command = self._engine.frame_command(self._launch, frame, output)
        process = self._make_process(command, self._log)
        try:
            await process.start()
        except OSError as error:
            await process.close()
            detail = f"{self._engine.name} cannot be started: {error}"
            raise RenderFailedError(FailureKind.NODE, detail) from error
        except BaseException:
            await process.close()
            raise
        return process

    async def _attend(self, talk: Conversation, frame: int, on_progress: OnProgress) -> None:
        """Return when the process has ended."""
        limits, begun = self._launch.work.limits, self._time()
        opening = None if limits.start is None else begun + limits.start
        ending = None if limits.frame is None else begun + limits.frame
        opened = False
        while True:
            deadline = ending if opened else _earliest(opening, ending)
            event = await talk.event_or_end(deadline, f"frame {frame}")
            opened = opened or isinstance(event, Ready | Progress)
            match event:
                case None:
                    return
                case Progress(share):
                    on_progress(share)
                case Failed(kind, detail):
                    raise RenderFailedError(kind, talk.told(detail))
                case _:
                    pass

    def _image(self, talk: Conversation, output: Path, patterns: Sequence[str]) -> Path:
        found = next(_candidates(output.parent, patterns), None)
        if found is None:
            cause = f"{self._engine.name} ended without an error and without an image"
            raise RenderFailedError(
                self._engine.classify_failure(0, self._log.tail), talk.told(cause)
            )
        return found


def _candidates(folder: Path, patterns: Sequence[str]) -> Iterator[Path]:
    for pattern in patterns:
        yield from (path for path in sorted(folder.glob(pattern)) if path.is_file())


def _earliest(*moments: float | None) -> float | None:
    return min((moment for moment in moments if moment is not None), default=None)

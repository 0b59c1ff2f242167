"""What an engine is put through; `engines/test_engine_kit.py` does it to every subject."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from lightmill.domain.job import Limits, Work
from lightmill.domain.resources import GIB
from lightmill.render_node.engines import process_tree
from lightmill.render_node.engines.contract import ColdEngine, Engine, WarmEngine
from lightmill.render_node.engines.leftovers import mark_of
from lightmill.render_node.engines.nursery import Nursery
from lightmill.render_node.engines.renderers import InstalledRenderers
from lightmill.render_node.engines.sandbox import Sandbox
from lightmill.render_node.ports import Launch, RenderedImage, Renderer


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An engine, with work for it.

    Attributes:
        project: Folder with the files of the work.
        quick: Renders frames 1 to 3, all different, in a second or so each.
        endless: Renders for longer than any test waits, and prints nothing meanwhile.
    """

    engine: WarmEngine | ColdEngine
    project: Path
    quick: Work
    endless: Work


class Bench:
    """A node's folders, and renderers that are closed when the test is over."""

    def __init__(self, folder: Path, sandbox: Sandbox | None = None) -> None:
        self.state_dir = folder / "state"
        self.scratch = folder / "scratch"
        self.project = folder / "project"
        for one in (self.state_dir, self.scratch, self.project):
            one.mkdir()
        self.log = folder / "log.txt"
        self.progress: list[float] = []
        self._sandbox = sandbox
        self._nursery = Nursery()
        self._opened: list[Renderer] = []

    def launch(self, work: Work, project: Path | None = None, ram: int = 4 * GIB) -> Launch:
        return Launch(
            step_id="step",
            work=work,
            project=project or self.project,
            scratch=self.scratch,
            cores=1,
            ram=ram,
            gpus=(),
            log=self.log,
        )

    async def open(self, engine: Engine, launch: Launch) -> Renderer:
        renderers = InstalledRenderers(
            self.state_dir, self._sandbox, engines=[engine], nursery=self._nursery
        )
        renderer = await renderers.open(launch)
        self._opened.append(renderer)
        return renderer

    async def render(self, renderer: Renderer, frame: int, name: str = "") -> RenderedImage:
        output = self.scratch / (name or f"{frame:04d}.png")
        return await renderer.render(frame, output, self.progress.append)

    def processes(self) -> list[int]:
        """Return every process that an engine of this bench consists of."""
        return process_tree.marked(mark_of(self.state_dir))

    async def close(self) -> None:
        for renderer in self._opened:
            await renderer.close()
        await self._nursery.close()


def limited(work: Work, limits: Limits) -> Work:
    return replace(work, limits=limits)


async def until(true: Callable[[], bool], seconds: float = 25.0) -> None:
    """Return as soon as `true` says so; fails when it never does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.01)

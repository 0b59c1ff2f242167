"""A tiny frame of each engine that can be tried, before the node offers it."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path

import structlog

from lightmill.domain.job import Json, Limits, Work
from lightmill.render_node.ports import Launch, Renderers, RenderFailedError

_log = structlog.get_logger(__name__)
_SECONDS = 180.0
_RAM = 2**32
_SCRIPT = "self_test.py"
_TEXT = "import bpy\n\nbpy.context.scene.render.engine = 'CYCLES'\n"
"""The cube that Blender begins with, on the processor."""
_TRIED = ("blender",)
_SETTINGS: dict[str, Json] = {"width": 16, "height": 16, "samples": 1, "format": "PNG"}
_PNG = b"\x89PNG"


async def faults_of(renderers: Renderers, folder: Path) -> Mapping[str, str]:
    """Return the engines that cannot render, with the reason.

    Args:
        renderers: The engines of this machine.
        folder: The node's state folder.
    """
    faults: dict[str, str] = {}
    for engine in _TRIED:
        if engine in renderers.engines():
            fault = await _fault(renderers, engine, folder / "self-test")
            if fault is not None:
                _log.error("engine not offered: it failed a test render", engine=engine, why=fault)
                faults[engine] = fault
    return faults


async def _fault(renderers: Renderers, engine: str, place: Path) -> str | None:
    """Return why the engine cannot render, or None."""
    launch = await asyncio.to_thread(_launch, engine, place)
    try:
        renderer = await renderers.open(launch)
        try:
            frame = await renderer.render(1, launch.scratch / "1.png", lambda _: None)
            if not frame.path.read_bytes().startswith(_PNG):
                return "its image is no image"
        finally:
            await renderer.close()
    except (RenderFailedError, OSError) as error:
        return str(error)
    finally:
        await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
    return None


def _launch(engine: str, place: Path) -> Launch:
    shutil.rmtree(place, ignore_errors=True)
    project, scratch = place / "project", place / "scratch"
    for folder in (project, scratch):
        folder.mkdir(parents=True)
    (project / _SCRIPT).write_text(_TEXT, "utf-8")
    limits = Limits(start=_SECONDS, frame=_SECONDS, silence=_SECONDS)
    return Launch(
        step_id="self-test",
        work=Work(engine=engine, script=_SCRIPT, settings=_SETTINGS, limits=limits),
        project=project,
        scratch=scratch,
        cores=1,
        ram=_RAM,
        gpus=(),
        log=place / "log.txt",
    )

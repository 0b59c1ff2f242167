"""Puts the analyzer together."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path

import structlog

from lightmill.analyzer.adapters import sandbox
from lightmill.analyzer.adapters.analyses import SqlAnalyses, outbox_relay
from lightmill.analyzer.adapters.maya_binary import CONVERT, MayaBinaryReader, mayapy
from lightmill.analyzer.adapters.probe import Probe, ProcessLimits
from lightmill.analyzer.adapters.probe_reader import (
    BLEND,
    GLTF,
    MAYA,
    MESH,
    UNREAL,
    USD,
    ProbeReader,
)
from lightmill.analyzer.adapters.unpacker import ARCHIVE, ProbeUnpacker
from lightmill.analyzer.config import AnalyzerSettings
from lightmill.analyzer.core.maya.references import WORKSPACE
from lightmill.analyzer.handlers.requests import read_inbox, sweep
from lightmill.analyzer.ports import SceneReader
from lightmill.analyzer.use_cases.analyse_scene import AnalyseScene, FetchLimits
from lightmill.messages.topology import ANALYZER_INBOX
from lightmill.runtime import health
from lightmill.runtime.parts import Parts
from lightmill.runtime.persistence import again_and_again
from lightmill.storage.sql.migration import require_current

_LOG = structlog.get_logger()
_PAUSE_S = 1.0
_USD = (".usd", ".usda", ".usdc", ".usdz")


class SandboxMissingError(Exception):
    """A sandbox is demanded and cannot be had."""


async def run(settings: AnalyzerSettings, parts: Parts, stop: asyncio.Event) -> None:
    """Answer requests until `stop` is set.

    Raises:
        SchemaOutdatedError: the database's schema is not the one that this code knows.
        SandboxMissingError: the settings demand bubblewrap, and it cannot be used.
    """
    await require_current(parts.database)
    bwrap = await _bubblewrap(settings)
    relay = outbox_relay(parts.database, parts.cache, parts.clock)
    analyses = SqlAnalyses(parts.database, relay, parts.clock)
    analyse_scene = _analyse_scene(settings, parts, analyses, bwrap)
    room = asyncio.Semaphore(settings.analyses_at_once)

    async def analyse(analysis_id: str) -> None:
        async with room:
            await analyse_scene(analysis_id)

    async def serve_link() -> None:
        async with parts.broker.connect("analyzer") as link, asyncio.TaskGroup() as tasks:
            inbox = await link.subscribe(ANALYZER_INBOX, prefetch=settings.analyses_at_once)
            tasks.create_task(relay.run(link))
            tasks.create_task(read_inbox(inbox, analyse, settings.analyses_at_once))

    async def look() -> None:
        await sweep(analyses, analyse, settings.analysis_sweep)

    checks = {"database": parts.database.answers}
    async with (
        health.serve(settings.health_port, checks) if settings.health_port else nullcontext()
    ):
        await _until(stop, serve_link, look)


def _analyse_scene(
    settings: AnalyzerSettings, parts: Parts, analyses: SqlAnalyses, bwrap: str | None
) -> AnalyseScene:
    return AnalyseScene(
        analyses,
        parts.store,
        readers(_limits(settings), bwrap, settings.analysis_maya),
        FetchLimits(size=settings.analysis_size),
        settings.analysis_scratch or Path(tempfile.gettempdir()),
        settings.path_rules,
        ProbeUnpacker(Probe(_limits(settings), bwrap, ARCHIVE)),
    )


def readers(
    limits: ProcessLimits, bwrap: str | None, maya: Path | None = None
) -> dict[str, SceneReader]:
    """Return what reads scenes, by their suffix.

    Args:
        limits: Of each reading.
        bwrap: Path of bubblewrap, where it can be used.
        maya: Folder of a Maya, for `.mb`.
    """

    def reader(program: Path, *needs: str) -> SceneReader:
        return ProbeReader(Probe(limits, bwrap, program), needs)

    ascii_reader = reader(MAYA, ".ma", WORKSPACE)
    binary: dict[str, SceneReader] = {}
    if maya is not None:
        convert = Probe(limits, bwrap, CONVERT, mayapy(maya), (maya,))
        binary[".mb"] = MayaBinaryReader(convert, ascii_reader)
    return {
        ".blend": reader(BLEND, ".blend"),
        ".ma": ascii_reader,
        **binary,
        ".obj": reader(MESH, ".obj", ".mtl"),
        **{suffix: reader(MESH, suffix) for suffix in (".stl", ".ply", ".fbx")},
        ".gltf": reader(GLTF, ".gltf", ".bin"),
        ".glb": reader(GLTF, ".glb"),
        **dict.fromkeys(_USD, reader(USD, *_USD)),
        ".uproject": reader(UNREAL, ".uproject", "defaultengine.ini"),
    }


async def _until(stop: asyncio.Event, *works: Callable[[], Awaitable[None]]) -> None:
    """Keep every work going until `stop` is set; what reads a scene then is killed."""
    tasks = [asyncio.create_task(again_and_again(work)) for work in works]
    try:
        await stop.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _bubblewrap(settings: AnalyzerSettings) -> str | None:
    found = await asyncio.to_thread(sandbox.bubblewrap)
    if found is None and settings.analysis_sandbox:
        raise SandboxMissingError(
            "bubblewrap is not installed or may not make namespaces here; "
            "install it, or set LIGHTMILL_ANALYSIS_SANDBOX=false"
        )
    _LOG.info("scenes are read", sandbox="none" if found is None else "bubblewrap")
    return found


def _limits(settings: AnalyzerSettings) -> ProcessLimits:
    return ProcessLimits(
        seconds=settings.analysis_seconds,
        memory=settings.analysis_memory,
        size=settings.analysis_size,
    )

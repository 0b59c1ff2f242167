"""The whole service in this process, as the embedded farm runs it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lightmill.analyzer.adapters.probe import ProcessLimits
from lightmill.analyzer.config import AnalyzerSettings
from lightmill.analyzer.factory import readers, run
from lightmill.broker.ports import Outgoing
from lightmill.domain.scene_formats import READ
from lightmill.messages.analysis_wanted import AnalysisWanted
from lightmill.messages.topology import ANALYZER_INBOX, COMMANDS, DEAD_LETTERS, events_queue
from lightmill.testing.blender import RunBlender
from lightmill.testing.embedded_farm import EmbeddedFarm

PATIENCE_S = 100.0
LIMITS = ProcessLimits(seconds=120, memory=2**30, size=2**30)
NEVER_S = 1000.0


@contextlib.asynccontextmanager
async def running(
    farm: EmbeddedFarm, scratch: Path, sweep: float = NEVER_S, at_once: int = 2
) -> AsyncIterator[None]:
    settings = AnalyzerSettings(
        analysis_sweep=sweep, analysis_scratch=scratch, analyses_at_once=at_once
    )
    stop = asyncio.Event()
    service = asyncio.create_task(run(settings, farm.parts, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(service, PATIENCE_S)


def wanted(analysis_id: str) -> Outgoing:
    message = AnalysisWanted(analysis_id=analysis_id)
    key = message.routing_key
    return Outgoing(exchange=message.exchange, key=key, kind=key, body=message.body())


async def until_answered(farm: EmbeddedFarm, analysis_id: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            row = await farm.answer(analysis_id)
            if row is not None:
                return row
            await asyncio.sleep(0.02)


async def test_requests_made_before_it_started_are_answered(
    farm: EmbeddedFarm, tmp_path: Path
) -> None:
    request = await farm.ask("wolf.c4d", {"wolf.c4d": b""})  # and no message tells of it
    async with running(farm, tmp_path):
        assert (await until_answered(farm, request))["state"] == "FAILED"


async def test_a_message_is_answered_announced_and_settled(
    farm: EmbeddedFarm, tmp_path: Path
) -> None:
    async with running(farm, tmp_path, at_once=1), farm.parts.broker.connect("test") as link:
        events = await link.subscribe(events_queue("test", "analysis.#"))
        request = await farm.ask("a.blend", {"a.blend": b"no scene"})
        await link.publish([wanted(request)])
        async with asyncio.timeout(PATIENCE_S):
            (event,) = await events.receive(1)
        assert request.encode() in event.body
        row = await until_answered(farm, request)
        assert row["error"] == "a.blend is no Blender file: File is not a blend file"
        following = await farm.ask("wolf.c4d", {"wolf.c4d": b""})
        await link.publish([wanted(following)])
        await until_answered(farm, following)  # of which it hears when the first is settled
    async with farm.parts.broker.connect("next") as link:
        inbox = await link.subscribe(ANALYZER_INBOX)
        await link.publish([wanted("the last")])
        left = [delivery.body for delivery in await inbox.receive(10)]
    assert wanted("the last").body in left
    assert wanted(request).body not in left


async def test_requests_whose_message_was_lost_are_found(
    farm: EmbeddedFarm, tmp_path: Path
) -> None:
    async with running(farm, tmp_path, sweep=0.05):
        request = await farm.ask("wolf.c4d", {"wolf.c4d": b""})
        await until_answered(farm, request)


async def test_a_broker_that_restarts_costs_no_request(farm: EmbeddedFarm, tmp_path: Path) -> None:
    async with running(farm, tmp_path):
        first = await farm.ask("wolf.c4d", {"wolf.c4d": b""})
        farm.broker.route(wanted(first))
        await until_answered(farm, first)
        farm.broker.drop_links()
        second = await farm.ask("wolf.c4d", {"wolf.c4d": b""})
        farm.broker.route(wanted(second))
        await until_answered(farm, second)


async def test_what_is_no_request_is_buried_and_the_next_is_read(
    farm: EmbeddedFarm, tmp_path: Path
) -> None:
    async with running(farm, tmp_path):
        key = AnalysisWanted.routing_key
        farm.broker.route(Outgoing(exchange=COMMANDS, key=key, kind=key, body=b"{"))
        request = await farm.ask("wolf.c4d", {"wolf.c4d": b""})
        farm.broker.route(wanted(request))
        await until_answered(farm, request)
        async with asyncio.timeout(PATIENCE_S):
            while not farm.broker.depth(DEAD_LETTERS.name):  # noqa: ASYNC110  # no event tells of it
                await asyncio.sleep(0.02)
    assert farm.broker.depth(DEAD_LETTERS.name) == 1


def test_what_readers_need_is_what_answers_depend_on() -> None:
    """Otherwise the answer of an old library would be taken for a new one."""
    needs = set().union(*(reader.needs for reader in readers(LIMITS, None).values()))
    assert needs <= READ


MAKE_SCENE = """
import sys, bpy
bpy.ops.wm.read_factory_settings()
image = bpy.data.images.new("wood", 4, 4)
image.use_fake_user, image.source, image.filepath = True, "FILE", "//textures/wood.png"
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1], compress=True)
"""


def blender_scene(run_blender: RunBlender, folder: Path) -> bytes:
    script, scene = folder / "make.py", folder / "a.blend"
    script.write_text(MAKE_SCENE)
    run_blender(script, str(scene))
    return scene.read_bytes()


@pytest.mark.blender
@pytest.mark.slow
async def test_a_scene_of_blenders_own(
    farm: EmbeddedFarm, tmp_path: Path, run_blender: RunBlender
) -> None:
    scene = await asyncio.to_thread(blender_scene, run_blender, tmp_path)
    request = await farm.ask("a.blend", {"a.blend": scene})
    async with running(farm, tmp_path):
        row = await until_answered(farm, request)
    assert row["state"] == "SUCCEEDED", row["error"]
    assert row["outcome"]["scene_info"]["renderer"] == "eevee"
    assert row["outcome"]["missing"] == [{"file1": "//textures/wood.png"}]

"""The node with the simulated engine: real processes, in the sandbox that this machine has."""

import asyncio
from contextlib import suppress

import psutil
import pytest
from node_twins import Leader, World, assignment, until

from lightmill.domain.failures import FailureKind
from lightmill.messages.node_report import Outcome
from lightmill.messages.orders import Assignment
from lightmill.render_node.engines.images import OpenImageIoImages
from lightmill.render_node.engines.renderers import InstalledRenderers

pytestmark = pytest.mark.slow


@pytest.fixture
def world(world: World) -> World:
    world.renderers = InstalledRenderers(world.folder, enable_simulated=True)
    world.images = OpenImageIoImages()
    return world


def _order(name: str, *frames: int, **settings: object) -> Assignment:
    size = {"width": 64, "height": 32}
    work = {"engine": "simulated", "settings": {**size, **settings}}
    return assignment(name, *frames, work=work, ram=2**30)


def _processes() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _runs(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


async def test_images_of_the_right_size_arrive(world: World, leader: Leader) -> None:
    async with world.node():
        await leader.order(assign=(_order("a", 1, 2, seconds=0.01),))
        finish = await leader.finish("a")
    assert finish.outcome is Outcome.SUCCEEDED, finish
    assert {(one.width, one.height, one.media_type) for one in finish.delivered} == {
        (64, 32, "image/png")
    }
    assert all(one.engine == "simulated" and one.peak_ram for one in finish.delivered)
    image = world.farm.objects["attempts/a/0002.png"]
    assert image.startswith(b"\x89PNG")
    assert finish.delivered[1].size == len(image)
    assert _processes() == []


async def test_a_cancel_leaves_no_process_within_two_seconds(world: World, leader: Leader) -> None:
    async with world.node():
        await leader.order(assign=(_order("a", seconds=60),))
        await leader.held("a", lambda held: held.running_seconds > 0 and held.progress > 0)
        assert _processes()
        async with asyncio.timeout(2):
            await leader.order(cancel=("a",))
            assert (await leader.finish("a")).outcome is Outcome.CANCELLED
        assert _processes() == []


async def test_an_engine_that_dies_fails_one_frame_and_the_next_is_rendered(
    world: World, leader: Leader
) -> None:
    async with world.node():
        await leader.order(assign=(_order("a", seconds=60),))
        await leader.held("a", lambda held: held.progress > 0)
        killed = _processes()
        for process in reversed(killed):
            with suppress(psutil.NoSuchProcess):  # it ends with the one inside it
                process.kill()
        await until(lambda: not any(map(_runs, killed)))
        finish = await leader.finish("a")
        assert finish.failure in {FailureKind.ENGINE, FailureKind.OUT_OF_MEMORY}
        await leader.order(assign=(_order("b", seconds=0.01),))
        assert (await leader.finish("b")).outcome is Outcome.SUCCEEDED


async def test_a_node_that_ends_takes_its_idle_engines_along(world: World, leader: Leader) -> None:
    async with world.node() as node:
        await leader.order(assign=(_order("a", seconds=0.01),))
        await leader.finish("a")
        await leader.settle("a")
        await until(lambda: not leader.last.finishes)
        assert _processes()
        node.stop.set()
        await node.task
    assert _processes() == []

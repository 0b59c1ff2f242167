"""An engine that cannot render is not offered, and says why."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from node_twins import Engines, World
from typing_extensions import override

from lightmill.domain.failures import FailureKind
from lightmill.render_node.engines.blender import BpyModule
from lightmill.render_node.engines.renderers import InstalledRenderers
from lightmill.render_node.engines.self_test import faults_of
from lightmill.render_node.ports import RenderFailedError


class Blenders(Engines):
    """Renderers that are called Blender."""

    @override
    def engines(self) -> Mapping[str, tuple[str, ...]]:
        return {"blender": ("4.5",), "simulated": ("1",)}


async def test_an_engine_that_renders_is_well(tmp_path: Path) -> None:
    engines = Blenders()
    engines.write = lambda _, path: path.write_bytes(b"\x89PNG\r\n")
    assert await faults_of(engines, tmp_path) == {}
    assert (len(engines.opened), engines.closed) == (1, 1)
    assert not (tmp_path / "self-test").exists()


async def test_an_engine_that_fails_says_why(tmp_path: Path) -> None:
    engines = Blenders()
    engines.failures[1] = RenderFailedError(FailureKind.ENGINE, "libGL.so.1: not found")
    assert await faults_of(engines, tmp_path) == {"blender": "engine: libGL.so.1: not found"}
    engines = Blenders()
    assert await faults_of(engines, tmp_path) == {"blender": "its image is no image"}


async def test_a_faulty_engine_is_not_offered_and_the_farm_is_told(world: World) -> None:
    world.engines = world.renderers = Blenders()
    world.faulty = {"blender": "libGL.so.1: not found"}
    async with world.node(), world.leader() as leader:
        await leader.online()
    assert leader.last.offer.engines == {"simulated": ("1",)}
    assert leader.last.offer.faulty == {"blender": "libGL.so.1: not found"}


@pytest.mark.blender
@pytest.mark.slow
async def test_the_real_blender_renders_its_tiny_frame(tmp_path: Path) -> None:
    renderers = InstalledRenderers(tmp_path, engines=[BpyModule()])
    assert "blender" in renderers.engines()
    assert await faults_of(renderers, tmp_path) == {}

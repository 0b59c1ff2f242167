"""A scene whose images come in every way, on the farm in one process with a real Blender."""

import asyncio
from pathlib import Path

import pytest
from tests.e2e import whole_scene

from lightmill.client import Farm
from lightmill.local.config import LocalSettings
from lightmill.local.farm import LocalFarm, farm
from lightmill.testing.blender import RunBlender

pytestmark = [pytest.mark.slow, pytest.mark.blender, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def scene(
    tmp_path_factory: pytest.TempPathFactory, run_blender: RunBlender
) -> whole_scene.WholeScene:
    return whole_scene.write(run_blender, tmp_path_factory.mktemp("whole"))


async def test_it_renders_as_on_its_own_folder_and_is_refused_without_one_of_its_files(
    scene: whole_scene.WholeScene, tmp_path: Path
) -> None:
    def program(running: LocalFarm) -> None:
        with Farm(running.url, running.token) as client:
            whole_scene.require_refusal(client, scene, tmp_path / "without")
            whole_scene.require_same_pixels(client, scene, tmp_path / "images")

    async with farm(LocalSettings(data=tmp_path / "farm", nodes=1, port=0)) as running:
        await asyncio.to_thread(program, running)

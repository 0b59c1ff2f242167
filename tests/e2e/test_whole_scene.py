"""A scene whose images come in every way, on the farm in containers."""

from pathlib import Path

import pytest
from tests.e2e import whole_scene

from lightmill.client import Farm
from lightmill.testing.blender import RunBlender

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.blender, pytest.mark.timeout(900)]


def test_it_renders_as_on_its_own_folder_and_is_refused_without_one_of_its_files(
    client: Farm, run_blender: RunBlender, tmp_path: Path
) -> None:
    scene = whole_scene.write(run_blender, tmp_path)
    whole_scene.require_refusal(client, scene, tmp_path / "without")
    whole_scene.require_same_pixels(client, scene, tmp_path / "images")

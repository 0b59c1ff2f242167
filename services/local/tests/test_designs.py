"""A design on the farm in one process: the real analyzer, the real Blender."""

import asyncio
from pathlib import Path

import pytest
from PIL import Image

from lightmill.client import Farm
from lightmill.client.errors import RefusedError
from lightmill.local.config import LocalSettings
from lightmill.local.farm import LocalFarm, farm
from lightmill.testing.blender import RunBlender

pytestmark = [pytest.mark.slow, pytest.mark.blender, pytest.mark.timeout(900)]

MAKE = """
import sys, bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.mesh.primitive_cone_add(radius1=1, depth=2, vertices=8)
bpy.context.object.data.materials.append(bpy.data.materials.new("Felt"))
bpy.ops.export_scene.gltf(filepath=sys.argv[1] + "/hat.glb")
"""
SMALL = {"width": 64, "height": 48, "samples": 2, "transparent": True}
CAMERA = {"position": {"x": 2, "y": 1, "z": 4}}


def use(client: Farm, folder: Path) -> None:
    """Hand in, look at, render and replace a design."""
    assert client.add_design(folder / "hat.glb", "hat.glb", name="Hat", design_id="hat") == "hat"
    seen = client.designs.find("hat")
    assert (seen.state, seen.metadata["materials"], seen.metadata["unknown"]) == (
        "READY",
        ["Felt"],
        [],
    )
    assert seen.metadata["bounds"]["max"] == pytest.approx([1, 1, 1], abs=1e-5)
    job = client.render_design("hat", camera=CAMERA, turntable=3, **SMALL)
    client.wait(job)
    images = client.download(job, folder / "turn")
    assert [path.name for path in images] == ["0001.png", "0002.png", "0003.png"]
    assert "import bpy" in client.designs.script(job)
    require_picture(client, folder)
    with pytest.raises(RefusedError, match="cut off"):
        client.designs.add_version("hat", folder / "broken.glb", "broken.glb")
    assert client.designs.find("hat").versions == 1


def require_picture(client: Farm, folder: Path) -> None:
    """See that the farm has rendered a picture of the design."""
    (job,) = [one.id for one in client.jobs() if one.name == "Thumbnail of Hat"]
    client.wait(job)
    url = client.designs.find("hat").thumbnail_url
    assert url is not None
    client.save_url(url, folder / "picture.png")
    with Image.open(folder / "picture.png") as image:
        assert image.size == (256, 256)
        assert image.getchannel("A").getbbox() is not None


async def test_a_design_is_looked_into_rendered_and_shown(
    tmp_path: Path, run_blender: RunBlender
) -> None:
    (tmp_path / "make.py").write_text(MAKE)
    run_blender(tmp_path / "make.py", str(tmp_path))
    whole = (tmp_path / "hat.glb").read_bytes()
    (tmp_path / "broken.glb").write_bytes(whole[: len(whole) // 2])

    def program(running: LocalFarm) -> None:
        with Farm(running.url, running.token) as client:
            use(client, tmp_path)

    async with farm(LocalSettings(data=tmp_path / "farm", nodes=1, port=0)) as running:
        await asyncio.to_thread(program, running)

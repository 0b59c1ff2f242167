"""A job's script, downloaded and run by hand in plain Blender beside the design's files."""

from pathlib import Path

import httpx2
import pytest
from PIL import Image
from services.api.tests.conftest import Farm

from lightmill.testing.blender import RunBlender

pytestmark = [pytest.mark.blender, pytest.mark.slow, pytest.mark.timeout(900)]

MAKE = """
import sys, bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.mesh.primitive_plane_add(size=2, rotation=(1.5707963, 0, 0))
bpy.context.object.data.materials.append(bpy.data.materials.new("Front"))
bpy.ops.export_scene.gltf(filepath=sys.argv[1] + "/wall.glb")
bpy.ops.wm.stl_export(filepath=sys.argv[1] + "/wall.stl", forward_axis="NEGATIVE_Z", up_axis="Y")
"""
GLOWING = {"base_color": [0, 0, 0], "roughness": 1, "emission_strength": 1}


async def made(farm: Farm, path: str, body: dict[str, object]) -> httpx2.Response:
    async with farm.client() as client:
        answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer


async def by_hand(farm: Farm, folder: Path, run: RunBlender, design: str) -> Image.Image:
    """Return what the script of a job of the design renders, as a person would run it."""
    small = {"width": 64, "height": 48, "samples": 4, "transparent": True}
    job = (await made(farm, "/jobs", {"designId": design, **small})).json()["jobId"]
    async with farm.client() as client:
        files = (await client.get(f"/api/v1/designs/{design}")).json()["files"]
        for file in files:
            content = await client.get(f"/api/v1/files/{file['asset_id']}/content")
            (folder / file["path"]).parent.mkdir(parents=True, exist_ok=True)
            (folder / file["path"]).write_bytes(content.content)
        script = await client.get(f"/api/v1/jobs/{job}/script")
    (folder / "render.py").write_text(script.text)
    run(folder / "render.py")
    with Image.open(folder / "render.png") as image:
        return image.convert("RGBA")


@pytest.mark.parametrize(
    ("model", "slot", "picture"), [("wall.glb", "Front", "blue.png"), ("wall.stl", "*", "")]
)
async def test_it_renders_the_design_with_its_own_materials(
    farm: Farm, tmp_path: Path, run_blender: RunBlender, model: str, slot: str, picture: str
) -> None:
    (tmp_path / "make.py").write_text(MAKE)
    run_blender(tmp_path / "make.py", str(tmp_path))
    Image.new("RGB", (4, 4), (0, 0, 255)).save(tmp_path / "blue.png")
    glow: dict[str, object] = {"material_id": "glow", "name": "Glow", **GLOWING}
    if picture:
        blue = await farm.upload((tmp_path / picture).read_bytes(), picture)
        file = {"path": picture, "asset_id": blue}
        await made(farm, "/api/v1/textures", {"texture_id": "b", "name": "Blue", "file": file})
        glow["textures"] = {"emission": "b"}
    else:
        glow["emission"] = [0, 0, 1]
    await made(farm, "/api/v1/materials", glow)
    asset = await farm.upload((tmp_path / model).read_bytes(), model)
    design = {
        "design_id": "wall",
        "name": "Wall",
        "model": model,
        "files": [{"path": model, "asset_id": asset}],
        "materials": {slot: "glow"},
        "thumbnail": False,
    }
    await made(farm, "/api/v1/designs", design)
    (tmp_path / "by hand").mkdir()
    image = await by_hand(farm, tmp_path / "by hand", run_blender, "wall")
    assert image.size == (64, 48)
    red, green, blue_seen, alpha = image.getpixel((32, 24))  # type: ignore[misc]  # RGBA
    assert (blue_seen > 200, red < 100, green < 100, alpha) == (True, True, True, 255)
    assert image.getpixel((1, 1)) == (0, 0, 0, 0)


async def test_the_picture_of_a_design_shows_the_whole_of_it(
    farm: Farm, tmp_path: Path, run_blender: RunBlender
) -> None:
    (tmp_path / "make.py").write_text(MAKE)
    run_blender(tmp_path / "make.py", str(tmp_path))
    asset = await farm.upload((tmp_path / "wall.glb").read_bytes(), "wall.glb")
    files = [{"path": "wall.glb", "asset_id": asset}]
    body: dict[str, object] = {"design_id": "wall", "name": "Wall", "files": files}
    await made(farm, "/api/v1/designs", {**body, "model": "wall.glb"})
    async with farm.client() as client:
        job = (await client.get("/api/v1/designs/wall")).json()["thumbnail_job"]
        script = (await client.get(f"/api/v1/jobs/{job}/script")).text
    (tmp_path / "render.py").write_text(script)
    run_blender(tmp_path / "render.py")
    with Image.open(tmp_path / "render.png") as image:
        box = image.getchannel("A").getbbox()
    assert image.size == (256, 256)
    assert box is not None
    assert min(box[0], box[1], 256 - box[2], 256 - box[3]) >= 2, "nothing is cut off"
    assert (box[2] - box[0]) > 100, "and it is not tiny"

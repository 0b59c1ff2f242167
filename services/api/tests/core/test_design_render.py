"""What generated scripts set up in a real Blender."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from lightmill.api.core.camera import Camera, Point
from lightmill.api.core.design_script import RenderSettings, design_script
from lightmill.testing.blender import RunBlender

pytestmark = [pytest.mark.blender, pytest.mark.slow, pytest.mark.timeout(180)]

RED, GREEN = Point(1.0, 2.0, -0.5), Point(-1.5, 0.25, 0.75)  # Y-up, as the camera's numbers
SMALL = RenderSettings(width=120, height=80, samples=4)

MAKE_MODELS = """
import sys, bpy
folder = sys.argv[1]
bpy.ops.wm.read_factory_settings(use_empty=True)
for name, (x, y, z), colour in (
    ("red", {red}, (1, 0, 0, 1)),
    ("green", {green}, (0, 1, 0, 1)),
):
    bpy.ops.mesh.primitive_cube_add(size=0.3, location=(x, -z, y))
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (0, 0, 0, 1)
    shader.inputs["Emission Color"].default_value = colour
    shader.inputs["Emission Strength"].default_value = 1
    bpy.context.object.data.materials.append(material)
bpy.ops.wm.save_as_mainfile(filepath=folder + "/model.blend")
bpy.ops.export_scene.gltf(filepath=folder + "/model.glb")
scene = bpy.context.scene
for data in (bpy.data.lights.new("Lamp", "POINT"), bpy.data.cameras.new("Theirs")):
    scene.collection.objects.link(bpy.data.objects.new(data.name, data))
scene.camera = bpy.data.objects["Theirs"]
scene.timeline_markers.new("cut", frame=1).camera = scene.camera
scene.render.use_border = scene.render.use_crop_to_border = True
scene.render.border_max_x, scene.render.resolution_percentage = 0.5, 25
bpy.ops.wm.save_as_mainfile(filepath=folder + "/lit.blend")
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, run_blender: RunBlender) -> Path:
    """Return a folder with the same two glowing cubes in every format."""
    folder = tmp_path_factory.mktemp("models")
    script = folder / "make.py"
    script.write_text(MAKE_MODELS.format(red=tuple(RED), green=tuple(GREEN)))
    run_blender(script, str(folder))
    return folder


RUN_AS_THE_FARM_DOES = """
import json, runpy, sys
import bpy
names = runpy.run_path(sys.argv[1] + "/render.py", run_name="lightmill_design")
names["build"](sys.argv[1])
scene = bpy.context.scene
matrices = []
for frame in range(scene.frame_start, scene.frame_end + 1):
    scene.frame_set(frame)
    matrices.append([round(value, 4) for value in scene.camera.matrix_world.translation])
print(json.dumps({
    "fov": scene.camera.data.angle_y, "places": matrices, "engine": scene.render.engine,
    "transform": scene.view_settings.view_transform, "samples": scene.cycles.samples,
    "camera": scene.camera.name, "border": scene.render.use_border,
    "size": [scene.render.resolution_x * scene.render.resolution_percentage // 100,
             scene.render.resolution_y * scene.render.resolution_percentage // 100],
    "lights": sorted(o.data.type for o in scene.objects if o.type == "LIGHT"),
}))
"""


def test_the_farm_gets_a_scene_and_no_image(
    models: Path, run_blender: RunBlender, tmp_path: Path
) -> None:
    camera = Camera(position=Point(4, 1, 0), fov=179)
    settings = replace(SMALL, frames=4, colours="AgX", ground=True)
    (models / "render.png").unlink(missing_ok=True)
    (models / "render.py").write_text(design_script("model.glb", camera, settings))
    driver = tmp_path / "driver.py"
    driver.write_text(RUN_AS_THE_FARM_DOES)
    built = json_of_last_line(run_blender(driver, str(models)))
    assert not list(models.glob("render*.png"))
    assert built["fov"] == pytest.approx(math.radians(179), abs=1e-4)
    # Once round the Y axis: +x, then by the right hand to -z, -x, +z; z-up in Blender.
    assert built["places"] == [[4, 0, 1], [0, 4, 1], [-4, 0, 1], [0, -4, 1]]
    assert built["lights"] == ["AREA", "SUN"]
    assert (built["engine"], built["transform"], built["samples"]) == ("CYCLES", "AgX", 4)


def test_a_model_of_blenders_keeps_its_lights_and_nothing_of_its_image(
    models: Path, run_blender: RunBlender, tmp_path: Path
) -> None:
    (models / "render.py").write_text(design_script("lit.blend", Camera(), SMALL))
    driver = tmp_path / "driver.py"
    driver.write_text(RUN_AS_THE_FARM_DOES)
    built = json_of_last_line(run_blender(driver, str(models)))
    assert built["lights"] == ["POINT"]
    assert (built["camera"], built["border"], built["size"]) == ("Design", False, [120, 80])
    assert (built["engine"], built["transform"]) == ("CYCLES", "Standard")


def json_of_last_line(output: str) -> dict[str, object]:
    value = json.loads(output.strip().splitlines()[-1])
    assert isinstance(value, dict)
    return value

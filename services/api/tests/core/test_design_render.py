"""What generated scripts render in a real Blender: a known target at the predicted pixel."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from lightmill.api.core.camera import Camera, Point
from lightmill.api.core.design_script import RenderSettings, design_script
from lightmill.testing.blender import RunBlender

pytestmark = [pytest.mark.blender, pytest.mark.slow, pytest.mark.timeout(180)]

RED, GREEN = Point(1.0, 2.0, -0.5), Point(-1.5, 0.25, 0.75)  # Y-up, as the camera's numbers
SMALL = RenderSettings(width=120, height=80, samples=4)
CAMERAS = {
    "in front": Camera(position=Point(0, 1, 9), target=Point(0, 1, 0)),
    "from above, tilted": Camera(
        position=Point(6, 9, 4), target=Point(0.5, 1, 0), up=Point(0.3, 1, -0.2), fov=35
    ),
    "wide": Camera(position=Point(-2, 3, 3), target=Point(0, 1, 0), fov=100),
}

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
bpy.ops.export_scene.gltf(filepath=folder + "/model.gltf", export_format="GLTF_SEPARATE")
bpy.ops.wm.usd_export(filepath=folder + "/model.usdc")
bpy.ops.export_scene.fbx(filepath=folder + "/model.fbx")
bpy.ops.wm.obj_export(filepath=folder + "/model.obj")
y_up = dict(forward_axis="NEGATIVE_Z", up_axis="Y")
bpy.ops.wm.ply_export(filepath=folder + "/model.ply", **y_up)
bpy.ops.wm.stl_export(filepath=folder + "/model.stl", **y_up)
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


def render(models: Path, run: RunBlender, script: str) -> Image.Image:
    (models / "render.png").unlink(missing_ok=True)
    path = models / "render.py"
    path.write_text(script)
    run(path)
    with Image.open(models / "render.png") as image:
        return image.convert("RGBA")


def projected(camera: Camera, point: Point, width: int, height: int) -> tuple[float, float]:
    """Return the pixel of a Y-up point, by OpenGL's look-at and perspective."""

    def minus(a: Point, b: Point) -> Point:
        return Point(a.x - b.x, a.y - b.y, a.z - b.z)

    def unit(a: Point) -> Point:
        length = math.hypot(*a)
        return Point(a.x / length, a.y / length, a.z / length)

    def cross(a: Point, b: Point) -> Point:
        return Point(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)

    def dot(a: Point, b: Point) -> float:
        return a.x * b.x + a.y * b.y + a.z * b.z

    forward = unit(minus(camera.target, camera.position))
    right = unit(cross(forward, camera.up))
    offset = minus(point, camera.position)
    scale = height / 2 / math.tan(math.radians(camera.fov) / 2) / dot(offset, forward)
    return (
        width / 2 + scale * dot(offset, right),
        height / 2 - scale * dot(offset, cross(right, forward)),
    )


def centre(image: Image.Image, wanted: Callable[[tuple[int, int, int, int]], bool]) -> Point:
    """Return the mean pixel (x, y) of those that are wanted, and how many they are as z."""
    width, height = image.size
    pixels = image.load()
    assert pixels is not None
    hits = [(x, y) for x in range(width) for y in range(height) if wanted(pixels[x, y])]  # type: ignore[arg-type]  # RGBA
    assert hits, "nothing of that colour in the image"
    count = len(hits)
    return Point(
        sum(x for x, _ in hits) / count + 0.5, sum(y for _, y in hits) / count + 0.5, count
    )


def is_red(pixel: tuple[int, int, int, int]) -> bool:
    return pixel[0] > 200 and pixel[1] < 110 and pixel[2] < 110


def is_green(pixel: tuple[int, int, int, int]) -> bool:
    return pixel[1] > 200 and pixel[0] < 110 and pixel[2] < 110


@pytest.mark.parametrize("model", ["model.blend", "model.glb"])
@pytest.mark.parametrize("view", CAMERAS)
def test_targets_are_where_the_camera_says(
    models: Path, run_blender: RunBlender, model: str, view: str
) -> None:
    camera = CAMERAS[view]
    image = render(models, run_blender, design_script(model, camera, SMALL))
    assert image.size == (120, 80)
    for point, colour in ((RED, is_red), (GREEN, is_green)):
        seen, expected = centre(image, colour), projected(camera, point, 120, 80)
        assert math.dist(seen[:2], expected) < 1.5, (view, seen, expected)


@pytest.mark.parametrize("suffix", ["gltf", "usdc", "fbx", "obj", "ply", "stl"])
def test_every_format_lands_in_the_same_place(
    models: Path, run_blender: RunBlender, suffix: str
) -> None:
    camera = CAMERAS["in front"]
    settings = replace(SMALL, transparent=True)
    image = render(models, run_blender, design_script(f"model.{suffix}", camera, settings))
    places = [projected(camera, point, 120, 80) for point in (RED, GREEN)]
    left, right = image.crop((0, 0, 60, 80)), image.crop((60, 0, 120, 80))
    on_right, on_left = centre(right, lambda p: p[3] > 128), centre(left, lambda p: p[3] > 128)
    assert math.dist((on_right.x + 60, on_right.y), places[0]) < 1.5
    assert math.dist((on_left.x, on_left.y), places[1]) < 1.5


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

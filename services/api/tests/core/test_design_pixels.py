"""Known targets are found in real renders at the pixels that our own projection predicts."""

import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import pytest
from PIL import Image

from lightmill.api.core.camera import Camera, Point
from lightmill.api.core.design_script import RenderSettings, design_script
from lightmill.testing.blender import RunBlender

pytestmark = [pytest.mark.blender, pytest.mark.slow, pytest.mark.timeout(900)]

TARGETS = (Point(1.0, 2.0, -0.5), Point(-1.5, 0.25, 0.75), Point(0.4, -0.6, 1.2))
"""Y-up, as the camera's numbers; no turn and no mirror maps the three onto each other."""
SIZE = 0.1
LANDSCAPE = RenderSettings(width=240, height=160, samples=2, transparent=True, lights="studio")
PORTRAIT = replace(LANDSCAPE, width=120, height=200)
CAMERAS = {
    "in front": Camera(position=Point(0, 1, 9), target=Point(0, 1, 0)),
    "from above, tilted": Camera(
        position=Point(6, 9, 4), target=Point(0.2, 0.6, 0), up=Point(0.3, 1, -0.2), fov=35
    ),
    "from behind": Camera(position=Point(-1, 2, -8), target=Point(0, 0.6, 0), fov=40),
    "wide": Camera(position=Point(-2, 3, 4), target=Point(0, 1, 0), fov=100),
    "from below": Camera(
        position=Point(1, -7, 1), target=Point(0, 0.6, 0.5), up=Point(0, 0, 1), fov=50
    ),
}
FORMATS: Mapping[str, float] = {
    "model.blend": 1,
    "model.glb": 1,
    "model.gltf": 1,
    "z_up.usdc": 1,
    "y_up.usda": 1,
    "packed.usdz": 1,
    "centimetres.usda": 100,
    "y_up.fbx": 100,
    "z_up.fbx": 100,
    "metres.fbx": 1,
    "model.obj": 1,
    "model.ply": 1,
    "model.stl": 1,
    "text.stl": 1,
}
"""Each file, and how many of its units are one unit of the targets."""

MAKE_MODELS = """
import sys, bpy
folder = sys.argv[1] + "/"
bpy.ops.wm.read_factory_settings(use_empty=True)
for number, (x, y, z) in enumerate({targets}):
    bpy.ops.mesh.primitive_cube_add(size={size}, location=(x, -z, y))
    material = bpy.data.materials.new(f"target {{number}}")
    material.use_nodes = True
    bpy.context.object.data.materials.append(material)
bpy.ops.wm.save_as_mainfile(filepath=folder + "model.blend")
bpy.ops.export_scene.gltf(filepath=folder + "model.glb")
bpy.ops.export_scene.gltf(filepath=folder + "model.gltf", export_format="GLTF_SEPARATE")
bpy.ops.wm.usd_export(filepath=folder + "z_up.usdc")
y_up = dict(export_global_forward_selection="NEGATIVE_Z", export_global_up_selection="Y")
bpy.ops.wm.usd_export(filepath=folder + "y_up.usda", convert_orientation=True, **y_up)
bpy.ops.wm.usd_export(filepath=folder + "packed.usdz")
bpy.ops.export_scene.fbx(filepath=folder + "y_up.fbx")
bpy.ops.export_scene.fbx(filepath=folder + "z_up.fbx", axis_forward="Y", axis_up="Z")
bpy.ops.export_scene.fbx(filepath=folder + "metres.fbx", apply_scale_options="FBX_SCALE_UNITS")
bpy.ops.wm.obj_export(filepath=folder + "model.obj")
turned = dict(forward_axis="NEGATIVE_Z", up_axis="Y")
bpy.ops.wm.ply_export(filepath=folder + "model.ply", **turned)
bpy.ops.wm.stl_export(filepath=folder + "model.stl", **turned)
bpy.ops.wm.stl_export(filepath=folder + "text.stl", ascii_format=True, **turned)
"""

RENDER_ALL = """
import json, runpy, sys
import bpy
folder = sys.argv[1]
for name, frame in json.load(open(folder + "/wanted.json")):
    names = runpy.run_path(f"{folder}/{name}.py", run_name="lightmill_design")
    names["build"](folder)
    scene = bpy.context.scene
    scene.frame_current = frame
    scene.cycles.use_denoising = False  # it takes longer than the rest and moves nothing
    scene.render.filepath = f"{folder}/{name}.png"
    bpy.ops.render.render(write_still=True)
"""


CUBE = """
def Mesh "target{number}" {{
    int[] faceVertexCounts = [4, 4, 4, 4, 4, 4]
    int[] faceVertexIndices = [
        0, 1, 3, 2, 4, 6, 7, 5, 0, 4, 5, 1, 2, 3, 7, 6, 0, 2, 6, 4, 1, 5, 7, 3]
    point3f[] points = [{points}]
}}
"""


def in_centimetres() -> str:
    """Return the targets as other programs than Blender write them: USD of 0.01 m, Y up."""
    text = '#usda 1.0\n(\n    metersPerUnit = 0.01\n    upAxis = "Y"\n)\n'
    for number, target in enumerate(TARGETS):
        sides = [(100 * (at - SIZE / 2), 100 * (at + SIZE / 2)) for at in target]
        points = ", ".join(str(corner) for corner in product(*sides))
        text += CUBE.format(number=number, points=points)
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One image: of which file, from where, how; which frame; what is predicted from where."""

    name: str
    model: str
    camera: Camera
    settings: RenderSettings = LANDSCAPE
    frame: int = 1
    stands: Camera | None = None
    materials: Mapping[str, Mapping[str, object]] | None = None


def views() -> Iterator[View]:
    """Yield every image that is rendered."""
    tilted = CAMERAS["from above, tilted"]
    for number, (model, units) in enumerate(FORMATS.items()):
        yield View(name=f"format{number}", model=model, camera=scaled(tilted, units))
    for number, camera in enumerate(CAMERAS.values()):
        yield View(name=f"camera{number}", model="model.glb", camera=camera)
        yield View(name=f"portrait{number}", model="model.blend", camera=camera, settings=PORTRAIT)
    for step in range(8):
        yield View(
            name=f"turn{step}",
            model="model.glb",
            camera=tilted,
            settings=replace(LANDSCAPE, frames=8),
            frame=step + 1,
            stands=turned(tilted, step / 8),
        )


def scaled(camera: Camera, unit: float) -> Camera:
    """Return the same view of a model whose numbers are so much larger."""
    position, target = (
        Point(*(unit * value for value in point)) for point in (camera.position, camera.target)
    )
    return replace(camera, position=position, target=target)


def turned(camera: Camera, share: float) -> Camera:
    """Return the camera having gone so much of a turn about `up`, by Rodrigues' formula."""
    angle, axis = 2 * math.pi * share, unit(camera.up)
    arm = minus(camera.position, camera.target)
    side, along = cross(axis, arm), dot(axis, arm)
    moved = (
        a * math.cos(angle) + s * math.sin(angle) + k * along * (1 - math.cos(angle))
        for a, s, k in zip(arm, side, axis, strict=True)
    )
    place = Point(*(t + m for t, m in zip(camera.target, moved, strict=True)))
    return replace(camera, position=place)


def minus(a: Point, b: Point) -> Point:
    return Point(a.x - b.x, a.y - b.y, a.z - b.z)


def unit(a: Point) -> Point:
    length = math.hypot(*a)
    return Point(a.x / length, a.y / length, a.z / length)


def cross(a: Point, b: Point) -> Point:
    return Point(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)


def dot(a: Point, b: Point) -> float:
    return a.x * b.x + a.y * b.y + a.z * b.z


def projected(camera: Camera, point: Point, width: int, height: int) -> tuple[float, float]:
    """Return the pixel of a Y-up point, by OpenGL's look-at and perspective."""
    forward = unit(minus(camera.target, camera.position))
    right = unit(cross(forward, camera.up))
    offset = minus(point, camera.position)
    scale = height / 2 / math.tan(math.radians(camera.fov) / 2) / dot(offset, forward)
    return (
        width / 2 + scale * dot(offset, right),
        height / 2 - scale * dot(offset, cross(right, forward)),
    )


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, run_blender: RunBlender) -> Path:
    """Return a folder with an image of every view, all of them rendered by one Blender."""
    folder = tmp_path_factory.mktemp("views")
    make = folder / "make.py"
    make.write_text(MAKE_MODELS.format(targets=[tuple(point) for point in TARGETS], size=SIZE))
    run_blender(make, str(folder))
    (folder / "centimetres.usda").write_text(in_centimetres())
    wanted = []
    for view in views():
        text = design_script(view.model, view.camera, view.settings)
        (folder / f"{view.name}.py").write_text(text)
        wanted.append((view.name, view.frame))
    (folder / "wanted.json").write_text(json.dumps(wanted))
    (folder / "all.py").write_text(RENDER_ALL)
    run_blender(folder / "all.py", str(folder))
    return folder


def solid_pixels(path: Path) -> tuple[tuple[int, int], list[tuple[float, float]]]:
    """Return the image's size, and the middles of the pixels that are not empty."""
    with Image.open(path) as image:
        alpha = image.convert("RGBA").getchannel("A")
    width, height = alpha.size
    found = [
        (index % width + 0.5, index // width + 0.5)
        for index, value in enumerate(alpha.tobytes())
        if value > 127  # more than half of the pixel
    ]
    return (width, height), found


@pytest.mark.parametrize("view", tuple(views()), ids=lambda view: f"{view.name}-{view.model}")
def test_every_target_is_at_the_predicted_pixel(images: Path, view: View) -> None:
    size, pixels = solid_pixels(images / f"{view.name}.png")
    assert size == (view.settings.width, view.settings.height)
    units = FORMATS[view.model]
    stands = view.stands or view.camera
    predicted = [
        projected(stands, Point(*(units * value for value in point)), *size) for point in TARGETS
    ]
    inside = [place for place in predicted if _inside(place, size)]
    assert inside, "the camera sees none of the targets"
    nearest = [_nearest(at, inside) for at in pixels]
    for place in inside:
        mine = [at for at, near in zip(pixels, nearest, strict=True) if near == place]
        assert mine, f"nothing at {place}"
        seen = _middle(mine)
        assert abs(seen[0] - place[0]) <= 1, (view.name, seen, place)
        assert abs(seen[1] - place[1]) <= 1, (view.name, seen, place)
        assert max(math.dist(at, place) for at in mine) < 16, "something solid is elsewhere"


def _inside(place: Sequence[float], size: tuple[int, int]) -> bool:
    margin = 10
    return all(margin < at < most - margin for at, most in zip(place, size, strict=True))


def _nearest(
    at: tuple[float, float], places: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    return min(places, key=lambda place: math.dist(place, at))


def _middle(places: Sequence[tuple[float, float]]) -> tuple[float, float]:
    count = len(places)
    return sum(x for x, _ in places) / count, sum(y for _, y in places) / count


def test_the_fbx_files_count_in_different_units(images: Path) -> None:
    def factor(name: str) -> float:
        content = (images / name).read_bytes()
        start = content.index(b"NumberS", content.index(b"UnitScaleFactor"))
        start = content.index(b"D", start)
        return float(struct.unpack_from("<d", content, start + 1)[0])

    assert factor("y_up.fbx") == factor("z_up.fbx") == 1
    assert factor("metres.fbx") == 100


def test_the_usd_files_count_in_different_units_and_up(images: Path) -> None:
    text = (images / "y_up.usda").read_text()
    assert 'upAxis = "Y"' in text

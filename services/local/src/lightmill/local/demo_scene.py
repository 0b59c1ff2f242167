"""Makes the demo's scene and model.

Run by Blender's own Python: `demo_scene.py FOLDER [WIDTH HEIGHT SAMPLES FRAMES]`.

Writes `FOLDER/scene/mill.blend`, a light mill that turns above a ground whose
texture is a file of its own, and `FOLDER/design/mill.glb`, a model to be seen from any camera.
"""

import math
import sys
from array import array
from pathlib import Path
from typing import Any, NamedTuple

import bpy

VANES = 4
EDGE = 256  # pixels of the texture's side
TILE = 32


class Picture(NamedTuple):
    """Size and quality: by default about a second a frame on one core."""

    width: int = 384
    height: int = 216
    samples: int = 16
    frames: int = 24


def write_texture(path: Path) -> None:
    """Write a chequered PNG."""
    image = bpy.data.images.new("ground", EDGE, EDGE)
    light, dark = (0.83, 0.77, 0.62, 1.0), (0.13, 0.24, 0.29, 1.0)
    pixels = array("f")
    for place in range(EDGE * EDGE):
        row, column = divmod(place, EDGE)
        pixels.extend(light if (row // TILE + column // TILE) % 2 else dark)
    image.pixels.foreach_set(pixels)
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)


def material(
    name: str,
    colour: tuple[float, float, float],
    *,
    metallic: float = 0.0,
    texture: Path | None = None,
) -> Any:  # noqa: ANN401  # bpy has no types
    """Return a new material, with the texture at a path where one is given."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    shader = made.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*colour, 1.0)
    shader.inputs["Metallic"].default_value = metallic
    shader.inputs["Roughness"].default_value = 0.35
    if texture is not None:
        node = made.node_tree.nodes.new("ShaderNodeTexImage")
        node.image = bpy.data.images.load(str(texture))
        made.node_tree.links.new(node.outputs["Color"], shader.inputs["Base Color"])
    return made


def clothe(made: Any) -> None:  # noqa: ANN401  # bpy has no types
    """Give the object made last a material."""
    bpy.context.object.data.materials.append(made)


def add_ground(texture: Path) -> None:
    """Lay the ground."""
    bpy.ops.mesh.primitive_plane_add(size=9)
    clothe(material("ground", (1, 1, 1), texture=texture))


def add_mill() -> Any:  # noqa: ANN401  # bpy has no types
    """Put up the spindle and its vanes; returns the axle."""
    bpy.ops.object.empty_add(location=(0, 0, 1.2))
    axle = bpy.context.object
    steel = material("steel", (0.7, 0.7, 0.72), metallic=1.0)
    bright = material("bright", (0.95, 0.62, 0.16))
    bpy.ops.mesh.primitive_cylinder_add(radius=0.03, depth=2.2, location=(0, 0, 1.1))
    clothe(steel)
    for number in range(VANES):
        angle = (number + 0.25) * math.tau / VANES
        place = (0.75 * math.cos(angle), 0.75 * math.sin(angle), 0.0)
        bpy.ops.mesh.primitive_cube_add(size=0.7, location=place, rotation=(0, 0, angle))
        bpy.context.object.scale = (1, 0.04, 1)
        bpy.context.object.parent = axle
        clothe(bright)
    return axle


def turn(axle: Any, frames: int) -> None:  # noqa: ANN401  # bpy has no types
    """Make the mill turn a quarter, evenly, within the frames: then it looks as at the start."""
    axle.rotation_euler.z = 0.0
    axle.keyframe_insert("rotation_euler", frame=1)
    axle.rotation_euler.z = math.tau / VANES
    axle.keyframe_insert("rotation_euler", frame=frames + 1)
    for curve in axle.animation_data.action.fcurves:
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"


def add_camera_and_light() -> None:
    """Look at the mill from above, in the light of a low sun."""
    bpy.ops.object.camera_add(location=(3.4, -3.4, 2.7), rotation=(math.radians(69), 0, 0.785))
    bpy.context.scene.camera = bpy.context.object
    bpy.ops.object.light_add(type="SUN", rotation=(0.7, 0.2, 0.5))
    bpy.context.object.data.energy = 3.0
    world = bpy.data.worlds.new("sky")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.35, 0.5, 0.7, 1)
    bpy.context.scene.world = world


def set_render(picture: Picture) -> None:
    """Choose size and quality."""
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, picture.frames
    scene.render.engine = "CYCLES"
    scene.render.use_persistent_data = True
    scene.render.resolution_x, scene.render.resolution_y = picture.width, picture.height
    scene.render.resolution_percentage = 100
    scene.cycles.samples, scene.cycles.use_denoising = picture.samples, False
    scene.cycles.max_bounces = 4
    scene.view_settings.view_transform = "Standard"  # brighter than the film-like default


def make_scene(folder: Path, picture: Picture) -> None:
    """Write the scene and its texture, which it knows by a relative path."""
    texture = folder / "textures" / "ground.png"
    texture.parent.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    write_texture(texture)
    add_ground(texture)
    turn(add_mill(), picture.frames)
    add_camera_and_light()
    set_render(picture)
    bpy.context.preferences.filepaths.save_version = 0  # no mill.blend1 beside it
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "mill.blend"), relative_remap=True)


def make_design(folder: Path) -> None:
    """Write the model of the mill without a ground."""
    folder.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    add_mill()
    bpy.ops.export_scene.gltf(filepath=str(folder / "mill.glb"))


if __name__ == "__main__":
    target, *wanted = sys.argv[1:]
    make_scene(Path(target).resolve() / "scene", Picture(*map(int, wanted)))
    make_design(Path(target).resolve() / "design")

"""Renders one design from one camera, in Blender 4.0 or newer.

By hand, with the model beside this file:

    blender -b --python render.py
    python render.py                (where the module bpy is installed)

On the farm the file is run with the module name `lightmill_design`, and then `build(folder)` is
called: it only sets the scene up, and the farm renders the frames that it is asked for.

The camera's numbers are in the model's own units with Y up, as in glTF. A model whose up is Z (of
Blender, and where USD or FBX say so) is turned first: its (x, y, z) is (x, z, -y) to the camera.
No unit is converted: where FBX counts in centimetres, so does the camera. A model without lights
gets a light rig. Materials of the design's own take the place of the model's; their textures lie
beside this file too.
"""

import json
import math
import re
import struct
from pathlib import Path
from typing import Any

import bpy
from mathutils import Matrix, Quaternion, Vector

DESIGN = json.loads(r"""
{
  "model": "model.glb",
  "camera": {
    "position": {"x": 0, "y": 0, "z": 5},
    "target": {"x": 0, "y": 0, "z": 0},
    "up": {"x": 0, "y": 1, "z": 0},
    "fov": 45
  },
  "render": {
    "width": 1920, "height": 1080, "samples": 64, "format": "PNG", "transparent": false,
    "colours": "Standard", "ground": false, "lights": "auto", "frames": 1
  },
  "materials": {}
}
""")

SOLID = {"MESH", "CURVE", "CURVES", "SURFACE", "META", "FONT", "POINTCLOUD", "VOLUME"}


def build(folder: str) -> None:
    """Set up the scene: the model in `folder`, its light, the camera, the render settings."""
    model = Path(folder, DESIGN["model"])
    if not model.is_file():
        raise FileNotFoundError(f"the model {model} is not there")
    load_model(model)
    put_materials(Path(folder))
    scene = bpy.context.scene
    low, high = bounds()
    if DESIGN["render"]["ground"]:
        add_ground(scene, low, high)
    lights = DESIGN["render"]["lights"]
    if lights == "studio" or (lights == "auto" and not is_lit(scene)):
        add_light_rig(scene, low, high)
    add_camera(scene, low, high)
    set_render(scene)
    set_colours(scene)


# --- model -----------------------------------------------------------------------------------


def load_model(path: Path) -> None:
    """Replace whatever is open by the model alone, with its materials."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    suffix, name = path.suffix.lower(), str(path)
    y_up = {"forward_axis": "NEGATIVE_Z", "up_axis": "Y"}
    if suffix == ".blend":
        open_blend(name)
    elif suffix in {".glb", ".gltf"}:
        bpy.ops.import_scene.gltf(filepath=name)
    elif suffix == ".obj":
        bpy.ops.wm.obj_import(filepath=name, **y_up)
    elif suffix == ".fbx":
        import_fbx(path)
    elif suffix in {".usd", ".usda", ".usdc", ".usdz"}:
        known = bpy.ops.wm.usd_import.get_rna_type().properties.keys()
        units = "apply_unit_conversion_scale"  # since 4.4; before, units were never converted
        bpy.ops.wm.usd_import(filepath=name, **({units: False} if units in known else {}))
    elif suffix == ".ply":
        bpy.ops.wm.ply_import(filepath=name, **y_up)
    elif suffix == ".stl":
        import_stl(name, y_up)
    else:
        raise ValueError(f"no importer for {suffix} files")


def open_blend(path: str) -> None:
    """Open a Blender file without its scripts; its scene is kept, its way of rendering is not."""
    bpy.ops.wm.open_mainfile(filepath=path, load_ui=False, use_scripts=False)
    scene = bpy.context.scene
    for marker in scene.timeline_markers:
        marker.camera = None  # else a marker would switch to a camera of the file
    scene.use_nodes = False
    render = scene.render
    render.use_compositing = render.use_sequencer = False
    render.use_border = render.use_multiview = render.use_freestyle = False
    for layer in scene.view_layers:
        layer.material_override = None


UNIT = re.compile(rb"UnitScaleFactorS.{3}\0doubleS.{3}\0NumberS.{3}\0.{0,4}D(.{8})", re.DOTALL)


def import_fbx(path: Path) -> None:
    """Read an FBX file in its own unit: the importer's own way is to make metres of it."""
    found = UNIT.search(path.read_bytes())
    centimetres = struct.unpack("<d", found[1])[0] if found else 1.0
    scene = bpy.context.scene
    # The importer divides the file's unit by the scene's.
    scene.unit_settings.system, scene.unit_settings.scale_length = "METRIC", centimetres / 100
    bpy.ops.import_scene.fbx(filepath=str(path))
    scene.unit_settings.scale_length = 1.0


def import_stl(path: str, axes: dict[str, str]) -> None:
    """Read an STL file; Blender 4.0 has the older importer only."""
    if hasattr(bpy.ops.wm, "stl_import") and bpy.app.version >= (4, 1, 0):
        bpy.ops.wm.stl_import(filepath=path, **axes)
    else:
        bpy.ops.import_mesh.stl(filepath=path, axis_forward="-Z", axis_up="Y")


def bounds() -> tuple[Vector, Vector]:
    """Return the lowest and the highest corner of all that is rendered, instances included."""
    corners = []
    for instance in bpy.context.evaluated_depsgraph_get().object_instances:
        thing = instance.object
        if thing.type in SOLID and not thing.hide_render:
            corners += [instance.matrix_world @ Vector(corner) for corner in thing.bound_box]
    if not corners:
        return Vector((-1.0, -1.0, -1.0)), Vector((1.0, 1.0, 1.0))
    axes = list(zip(*corners, strict=True))
    return Vector([min(axis) for axis in axes]), Vector([max(axis) for axis in axes])


# --- materials -------------------------------------------------------------------------------

SOCKETS = {
    "base_color": "Base Color",
    "alpha": "Alpha",
    "metallic": "Metallic",
    "roughness": "Roughness",
    "transmission": "Transmission Weight",
    "ior": "IOR",
    "emission": "Emission Color",
    "emission_strength": "Emission Strength",
}


def put_materials(folder: Path) -> None:
    """Put the design's own materials in the place of the model's, by name; `*` is the rest."""
    wanted = DESIGN["materials"]
    made = {slot: make_material(folder, slot, one) for slot, one in wanted.items()}
    known = sorted(material.name for material in bpy.data.materials)
    for slot in wanted:
        if slot != "*" and slot not in known:
            raise ValueError(f"the model has no material {slot!r}; it has: {', '.join(known)}")
    if not made:
        return
    for thing in bpy.data.objects:
        if thing.type not in SOLID:
            continue
        if "*" in made and not thing.material_slots:
            thing.data.materials.append(made["*"])
        for place in thing.material_slots:
            name = place.material.name if place.material else "*"
            place.material = made.get(name, made.get("*", place.material))


def make_material(folder: Path, slot: str, wanted: dict[str, Any]) -> bpy.types.Material:
    """Return a material with a Principled BSDF of these numbers and textures."""
    material = bpy.data.materials.new(f"design: {slot}")
    material.use_nodes = True
    tree, shading = material.node_tree, wanted["shading"]
    shader = tree.nodes["Principled BSDF"]
    for name, socket in SOCKETS.items():
        if name in shading:
            value = shading[name]
            shader.inputs[socket].default_value = (
                (*value, 1.0) if isinstance(value, list) else value
            )
    if "emission" in {*shading, *shading.get("textures", {})}:
        shader.inputs["Emission Strength"].default_value = shading.get("emission_strength", 1.0)
    for place, texture in shading.get("textures", {}).items():
        picture = tree.nodes.new("ShaderNodeTexImage")
        picture.image = bpy.data.images.load(str(folder / texture["path"]))
        picture.image.colorspace_settings.name = texture["colour_space"]
        link_texture(tree, shader, place, picture, shading)
    return material


def link_texture(
    tree: bpy.types.NodeTree,
    shader: bpy.types.Node,
    place: str,
    picture: bpy.types.Node,
    shading: dict[str, Any],
) -> None:
    """Let a picture say what stands at that place of the material."""
    if place == "normal":
        bump = tree.nodes.new("ShaderNodeNormalMap")
        bump.inputs["Strength"].default_value = shading.get("normal_strength", 1.0)
        tree.links.new(picture.outputs["Color"], bump.inputs["Color"])
        tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    else:
        tree.links.new(picture.outputs["Color"], shader.inputs[SOCKETS[place]])


# --- light -----------------------------------------------------------------------------------


def is_lit(scene: bpy.types.Scene) -> bool:
    """Tell whether the model brings its own light: lamps, or a sky with a picture or a sun."""
    if any(thing.type == "LIGHT" and not thing.hide_render for thing in scene.objects):
        return True
    nodes = scene.world.node_tree.nodes if scene.world and scene.world.node_tree else []
    return any(node.type in {"TEX_ENVIRONMENT", "TEX_SKY"} for node in nodes)


def add_light_rig(scene: bpy.types.Scene, low: Vector, high: Vector) -> None:
    """Add a sun, a large soft light from the other side, and a grey sky."""
    middle = (low + high) / 2
    radius = max((high - low).length / 2, 1e-3)
    sun = bpy.data.lights.new("Sun", "SUN")
    sun.energy, sun.angle = 2.0, math.radians(3)
    place(scene, sun, middle + radius * Vector((-2.0, -2.5, 4.0)), middle)
    fill = bpy.data.lights.new("Fill", "AREA")
    fill.shape, fill.size = "DISK", 3 * radius
    fill.energy = 25 * radius * radius  # watts; what arrives is the same for every model's size
    place(scene, fill, middle + radius * Vector((3.0, -2.0, 1.5)), middle)
    if scene.world is None:
        scene.world = bpy.data.worlds.new("Sky")
        scene.world.use_nodes = True
        background = scene.world.node_tree.nodes["Background"]
        background.inputs["Color"].default_value = (0.8, 0.8, 0.8, 1.0)
        background.inputs["Strength"].default_value = 0.35


def place(scene: bpy.types.Scene, light: bpy.types.Light, at: Vector, target: Vector) -> None:
    """Put a light into the scene; it shines towards `target`."""
    thing = bpy.data.objects.new(light.name, light)
    thing.location = at
    thing.rotation_euler = (target - at).to_track_quat("-Z", "Y").to_euler()
    scene.collection.objects.link(thing)


def add_ground(scene: bpy.types.Scene, low: Vector, high: Vector) -> None:
    """Add a large plane just under the model; on a transparent image it shows shadows only."""
    middle, reach = (low + high) / 2, 20 * max((high - low).length, 1e-3)
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    mesh = bpy.data.meshes.new("Ground")
    mesh.from_pydata([(reach * x, reach * y, 0) for x, y in corners], [], [(0, 1, 2, 3)])
    ground = bpy.data.objects.new("Ground", mesh)
    ground.location = (middle.x, middle.y, low.z - 1e-5 * reach)
    ground.is_shadow_catcher = DESIGN["render"]["transparent"]
    scene.collection.objects.link(ground)


# --- camera ----------------------------------------------------------------------------------


def z_up(point: dict[str, float]) -> Vector:
    """Return a point or direction of the Y-up design in Blender's Z-up world."""
    return Vector((point["x"], -point["z"], point["y"]))


def add_camera(scene: bpy.types.Scene, low: Vector, high: Vector) -> None:
    """Add the design's camera and look through it; a turntable moves it frame by frame."""
    wanted = DESIGN["camera"]
    lens = bpy.data.cameras.new("Design")
    set_view(lens, wanted["fov"] if wanted else 30.0)
    position, target, up = given_view(wanted) if wanted else whole_view(low, high, 30.0)
    far = max((Vector(corner) - target).length for corner in (low, high))
    distance = (position - target).length
    lens.clip_start, lens.clip_end = distance / 10000, 10 * (distance + far)
    camera = bpy.data.objects.new("Design", lens)
    camera.rotation_mode = "QUATERNION"
    scene.collection.objects.link(camera)
    scene.camera = camera
    frames = DESIGN["render"]["frames"]
    scene.frame_start, scene.frame_end = 1, frames
    for step in range(frames):
        turn = Quaternion(up, 2 * math.pi * step / frames)
        look_at(camera, target + turn @ (position - target), target, up)
        if frames > 1:
            camera.keyframe_insert("location", frame=step + 1)
            camera.keyframe_insert("rotation_quaternion", frame=step + 1)
    scene.frame_set(1)


def given_view(wanted: dict[str, Any]) -> tuple[Vector, Vector, Vector]:
    """Return position, target and up of the camera that was asked for."""
    position, target, up = (z_up(wanted[name]) for name in ("position", "target", "up"))
    return position, target, up


def whole_view(low: Vector, high: Vector, fov: float) -> tuple[Vector, Vector, Vector]:
    """Return position, target and up of a camera that sees the whole model, from the front."""
    shorter = min(1.0, DESIGN["render"]["width"] / DESIGN["render"]["height"])
    half = math.atan(math.tan(math.radians(fov) / 2) * shorter)
    middle, radius = (low + high) / 2, max((high - low).length / 2, 1e-6)
    away = Vector((1.0, -1.6, 0.9)).normalized() * (radius / math.sin(half))
    return middle + away, middle, Vector((0.0, 0.0, 1.0))


def look_at(camera: bpy.types.Object, position: Vector, target: Vector, up: Vector) -> None:
    """Stand at `position` with `target` in the middle of the image and `up` upward."""
    back = (position - target).normalized()
    right = up.cross(back).normalized()
    turned = Matrix((right, back.cross(right), back)).transposed()
    camera.location, camera.rotation_quaternion = position, turned.to_quaternion()


def set_view(lens: bpy.types.Camera, fov: float) -> None:
    """Set the vertical field of view in degrees, for images of any proportion."""
    lens.sensor_fit = "VERTICAL"
    half = math.tan(math.radians(fov) / 2)
    focal = 12 / half
    grown = max(1.0, 1 / focal)  # Blender has no lens shorter than a millimetre
    lens.sensor_height, lens.lens = 24 * grown, focal * grown


# --- image -----------------------------------------------------------------------------------


def set_render(scene: bpy.types.Scene) -> None:
    """Set size, samples and file format."""
    wanted, render = DESIGN["render"], scene.render
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y = wanted["width"], wanted["height"]
    render.resolution_percentage = 100
    render.pixel_aspect_x = render.pixel_aspect_y = 1.0
    render.use_motion_blur = False
    render.film_transparent = wanted["transparent"]
    scene.cycles.samples = wanted["samples"]
    image = render.image_settings
    image.file_format = wanted["format"]
    image.color_mode = "RGBA" if wanted["transparent"] else "RGB"
    if wanted["format"] != "JPEG":
        image.color_depth = "8" if wanted["format"] == "PNG" else "16"


def set_colours(scene: bpy.types.Scene) -> None:
    """Say how light becomes colour, whatever the model's file or Blender's version prefers."""
    scene.display_settings.display_device = "sRGB"
    view = scene.view_settings
    view.view_transform, view.look = DESIGN["render"]["colours"], "None"
    view.exposure, view.gamma = 0.0, 1.0
    view.use_curve_mapping = False


def main() -> None:
    """Build the scene from this file's folder and render it beside this file."""
    folder = Path(__file__).resolve().parent
    build(str(folder))
    scene = bpy.context.scene
    still = DESIGN["render"]["frames"] == 1
    scene.render.filepath = str(folder / ("render" if still else "render_####"))
    bpy.ops.render.render(animation=not still, write_still=still)


if __name__ == "__main__":
    main()

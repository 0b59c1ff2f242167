"""Run by Blender: a scene of four planes, each coloured by another way to bring an image in.

A linked library, a UDIM set, an image sequence, and a packed image; the image of the library's
material is one more file.
"""

import sys
from pathlib import Path

import bpy

FOLDER = Path(sys.argv[1])


def write_image(path: Path, colour: tuple[float, float, float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = bpy.data.images.new(path.stem, 8, 8)
    image.pixels = [
        value for n in range(64) for value in (*(c * (n % 8) / 8 for c in colour), 1.0)
    ]
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)


def glowing(name: str, image: bpy.types.Image) -> bpy.types.Material:
    """Return a material that shows an image as it is, whatever the light."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = image
    light, out = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeOutputMaterial")
    links.new(texture.outputs["Color"], light.inputs["Color"])
    links.new(light.outputs["Emission"], out.inputs["Surface"])
    return material


def plane(name: str, x: float, material: bpy.types.Material, tiles: int = 1) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], [], [(0, 1, 2, 3)])
    layer = mesh.uv_layers.new()
    for corner, (u, v) in enumerate([(0, 0), (tiles, 0), (tiles, 1), (0, 1)]):
        layer.data[corner].uv = (u, v)
    mesh.materials.append(material)
    thing = bpy.data.objects.new(name, mesh)
    thing.location.x = x
    return thing


def write_library() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    image = bpy.data.images.load(str(FOLDER / "textures/wood.png"))
    image.filepath = "//../textures/wood.png"
    thing = plane("Prop", 0, glowing("Wood", image))
    thing.use_fake_user = True
    path = FOLDER / "libraries/props.blend"
    path.parent.mkdir(parents=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(path), relative_remap=False)


def sequence_material() -> bpy.types.Material:
    image = bpy.data.images.load(str(FOLDER / "plates/plate_0001.png"))
    image.source, image.filepath = "SEQUENCE", "//../plates/plate_0001.png"
    material = glowing("Plate", image)
    user = material.node_tree.nodes["Image Texture"].image_user
    user.frame_duration, user.use_auto_refresh = 3, True
    return material


def images() -> dict[str, bpy.types.Image]:
    tiles = bpy.data.images.load(str(FOLDER / "tiles/skin.1001.png"))
    tiles.source, tiles.filepath = "TILED", "//../tiles/skin.<UDIM>.png"
    tiles.tiles.new(1002)
    packed = bpy.data.images.load(str(FOLDER / "packed.png"))
    packed.pack()
    (FOLDER / "packed.png").unlink()
    return {"Skin": tiles, "Packed": packed}


def write_scene() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene, found = bpy.context.scene, images()
    with bpy.data.libraries.load(str(FOLDER / "libraries/props.blend"), link=True) as (_, data):
        data.objects = ["Prop"]
    bpy.data.libraries[0].filepath = "//../libraries/props.blend"
    for thing in (
        bpy.data.objects["Prop"],
        plane("Skin", 1, glowing("Skin", found["Skin"]), tiles=2),
        plane("Plate", 2, sequence_material()),
        plane("Packed", 3, glowing("Packed", found["Packed"])),
    ):
        scene.collection.objects.link(thing)
    set_up(scene)
    path = FOLDER / "scenes/shot.blend"
    path.parent.mkdir(parents=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=True, relative_remap=False)


def set_up(scene: bpy.types.Scene) -> None:
    camera = bpy.data.cameras.new("Above")
    camera.type, camera.ortho_scale = "ORTHO", 4
    scene.camera = bpy.data.objects.new("Above", camera)
    scene.camera.location = (2, 0.5, 5)
    scene.collection.objects.link(scene.camera)
    scene.frame_start, scene.frame_end = 1, 3
    render = scene.render
    render.engine, render.resolution_x, render.resolution_y = "CYCLES", 128, 32
    render.image_settings.file_format = "PNG"
    scene.cycles.samples, scene.cycles.use_denoising = 4, False
    scene.view_settings.view_transform = "Standard"


COLOURS = {
    "textures/wood": (0.8, 0.5, 0.2),
    "tiles/skin.1001": (1.0, 0.2, 0.2),
    "tiles/skin.1002": (0.2, 1.0, 0.2),
    "plates/plate_0001": (0.2, 0.2, 1.0),
    "plates/plate_0002": (0.2, 1.0, 1.0),
    "plates/plate_0003": (1.0, 1.0, 0.2),
    "packed": (1.0, 0.2, 1.0),
}
for name, colour in COLOURS.items():
    write_image(FOLDER / f"{name}.png", colour)
write_library()
write_scene()

"""Run by Blender: writes a bundle of scenes that refer to files in every way that counts."""

import sys
import wave
from pathlib import Path

import bpy

FOLDER = Path(sys.argv[1])


def write_image(path: Path, colour: tuple[float, float, float, float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = bpy.data.images.new(path.stem, 4, 4)
    image.generated_color = colour
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)


def refer(name: str, path: str, source: str = "FILE") -> bpy.types.Image:
    image = bpy.data.images.new(name, 4, 4, tiled=source == "TILED")
    image.filepath = path
    image.source = source
    image.use_fake_user = True
    return image


def write_library() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    material = bpy.data.materials.new("Wood")
    material.use_nodes = True
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = refer("grain", "//../textures/grain.png")
    node.image.use_fake_user = False
    other = refer("unused", "//../textures/nobody_links_this.png")
    assert other.use_fake_user
    material.use_fake_user = True
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "libraries/woods.blend"), compress=True)


def write_main(path: Path, *, compress: bool) -> None:
    bpy.ops.wm.read_factory_settings()
    set_up(bpy.context.scene)
    link_library()
    refer_to_images()
    refer_to_other_files(bpy.context.scene)
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=compress, relative_remap=False)


def set_up(scene: bpy.types.Scene) -> None:
    scene.name = "Shot 010"
    scene.frame_start, scene.frame_end, scene.frame_step = 5, 48, 2
    render = scene.render
    render.engine, render.fps, render.fps_base = "CYCLES", 30, 1.001
    render.resolution_x, render.resolution_y, render.resolution_percentage = 640, 360, 50
    image = render.image_settings
    image.file_format, image.color_mode, image.color_depth = "OPEN_EXR", "RGB", "16"
    image.quality, render.filepath = 70, "//out/shot_####"
    scene.view_settings.view_transform = "Filmic"
    scene.cycles.samples = 32
    scene.view_layers.new("Characters")
    scene.camera = bpy.data.objects.new("Close", bpy.data.cameras.new("Close"))
    scene.collection.objects.link(scene.camera)
    bpy.data.scenes.new("Another")


def link_library() -> None:
    with bpy.data.libraries.load(str(FOLDER / "libraries/woods.blend"), link=True) as (_, data):
        data.materials = ["Wood"]
    bpy.data.libraries[0].filepath = "//../libraries/woods.blend"
    bpy.data.objects["Cube"].data.materials.append(bpy.data.materials["Wood"])


def refer_to_images() -> None:
    refer("wood", "//../textures/wood.png")
    refer("missing", "//../textures/missing.png")
    refer("windows", "//..\\textures\\wood2.png")
    refer("case", "//../Textures/Wood.png")
    refer("far", "C:\\Project\\textures\\wood.png")
    refer("posix", "/home/artist/textures/posix.png")
    refer("clip", "//../sequence/img_0001.png", "SEQUENCE")
    refer("no clip", "//../nothing/img_0001.png", "SEQUENCE")
    refer("tiles", "//../tiles/skin.<UDIM>.png", "TILED")
    refer("no tiles", "//../tiles/hair.<UDIM>.png", "TILED")
    packed = bpy.data.images.load(str(FOLDER / "textures/packed.png"))
    packed.pack()
    packed.use_fake_user = True


def refer_to_other_files(scene: bpy.types.Scene) -> None:
    fonts = Path(bpy.utils.system_resource("DATAFILES")).rglob("*.woff2")
    font = bpy.data.fonts.load(next(map(str, fonts)))
    font.filepath, font.use_fake_user = "//../fonts/title.ttf", True
    sound = bpy.data.sounds.load(str(FOLDER / "sounds/hum.wav"))
    sound.filepath, sound.use_fake_user = "//../sounds/gone.wav", True
    volume = bpy.data.volumes.new("smoke")
    volume.filepath, volume.use_fake_user = "//../caches/smoke_0001.vdb", True
    refer_to_caches(bpy.data.objects["Cube"])
    material = bpy.data.materials.new("lamp")
    material.use_nodes = material.use_fake_user = True
    node = material.node_tree.nodes.new("ShaderNodeTexIES")
    node.mode, node.filepath = "EXTERNAL", "//../lamps/lamp.ies"
    strips = scene.sequence_editor_create().sequences
    plate = strips.new_image("plate", str(FOLDER / "sequence/img_0007.png"), 1, 1)
    plate.directory = "//../plates"


def refer_to_caches(thing: bpy.types.Object) -> None:
    mesh = thing.modifiers.new("mesh", "MESH_CACHE")
    mesh.cache_format, mesh.filepath = "PC2", "//../caches/cube.pc2"
    cloth = thing.modifiers.new("cloth", "CLOTH").point_cache
    cloth.use_external, cloth.name, cloth.filepath = True, "cloth", "//../caches/cloth/"
    alembic = str(FOLDER / "caches.abc")
    bpy.ops.wm.alembic_export(filepath=alembic)
    bpy.ops.cachefile.open(filepath=alembic)
    cache = bpy.data.cache_files[0]
    cache.filepath, cache.use_fake_user = "//../caches/walk.abc", True


def write_simple() -> None:
    bpy.ops.wm.read_factory_settings()
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "simple.blend"))


def write_large() -> None:
    """More than one frame of zstandard, so that a reader of the first alone would be lost."""
    bpy.ops.wm.read_factory_settings()
    mesh = bpy.data.meshes.new("many")
    count = 400_000
    mesh.vertices.add(count)
    mesh.vertices.foreach_set("co", [float(n * 7919 % 100003) for n in range(3 * count)])
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("many", mesh))
    refer("last", "//zz_last.png")
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "large.blend"), compress=True)


for folder in ("libraries", "scenes", "sounds"):
    (FOLDER / folder).mkdir(parents=True, exist_ok=True)
with wave.open(str(FOLDER / "sounds/hum.wav"), "wb") as sound:
    sound.setparams((1, 1, 8000, 8, "NONE", ""))
    sound.writeframes(bytes(8))
for number, name in enumerate(
    (
        "textures/wood",
        "textures/wood2",
        "textures/grain",
        "textures/packed",
        "sequence/img_0007",
        "tiles/skin.1001",
        "tiles/skin.1002",
    )
):
    write_image(FOLDER / f"{name}.png", (number / 7, 0.5, 0.5, 1.0))
write_library()
write_main(FOLDER / "scenes/shot.blend", compress=False)
write_main(FOLDER / "scenes/shot_zstd.blend", compress=True)
write_simple()
write_large()

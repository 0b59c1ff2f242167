"""Makes the scenes of the tests; run by the engine's Python: `scenes.py FOLDER NAME...`."""

import sys
from pathlib import Path

import bpy

HOSTILE = """
import json, os, socket
found = {{}}
def attempt(name, act):
    try:
        found[name] = str(act())
    except BaseException as error:
        found[name] = "refused: " + type(error).__name__
attempt("write", lambda: open({outside!r}, "w").write("x"))
attempt("read", lambda: open({secret!r}).read())
attempt("environment", lambda: open("/proc/1/environ").read())
attempt("network", lambda: socket.create_connection(("127.0.0.1", {port}), 2))
attempt("processes", lambda: [p for p in os.listdir("/proc") if p.isdigit()])
attempt("user", os.getuid)
attempt("secret in own environment", lambda: os.environ["LIGHTMILL_TEST_SECRET"])
attempt("project", lambda: open({project!r}, "ab"))
with open({report!r}, "w") as file:
    json.dump(found, file)
"""


def small(samples: int = 4) -> None:
    """Start over with a scene that renders fast."""
    bpy.ops.wm.read_factory_settings(use_empty=False)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = samples
    scene.cycles.device = "CPU"
    scene.render.resolution_x, scene.render.resolution_y = 96, 64
    scene.render.resolution_percentage = 100


def moving(folder: Path) -> None:
    """Move, light and colour everything by frame, with a texture and motion blur."""
    small()
    scene = bpy.context.scene
    scene.render.use_motion_blur = True
    scene.cycles.use_animated_seed = True
    cube, light, camera = (bpy.data.objects[name] for name in ("Cube", "Light", "Camera"))
    shader = textured(cube, folder).inputs["Roughness"]
    bend = cube.modifiers.new("bend", "SIMPLE_DEFORM")
    cube.modifiers.new("more", "SUBSURF").render_levels = 2
    for frame in (1, 8):
        bend.angle = frame * 0.1
        cube.rotation_euler.z = frame * 0.4
        cube.hide_render = frame > 6
        light.data.energy = 300.0 * frame
        camera.location.x = 7.0 - frame * 0.2
        shader.default_value = frame / 10
        for thing, name in (
            (bend, "angle"),
            (cube, "rotation_euler"),
            (cube, "hide_render"),
            (light.data, "energy"),
            (camera, "location"),
            (shader, "default_value"),
        ):
            thing.keyframe_insert(name, frame=frame)
    save(folder, "moving")


def textured(thing: bpy.types.Object, folder: Path) -> bpy.types.ShaderNode:
    """Lay an image file on a thing and return its shader."""
    picture = bpy.data.images.new("checker", 64, 64)
    picture.generated_type, picture.file_format = "COLOR_GRID", "PNG"
    picture.filepath_raw = str(folder / "checker.png")
    picture.save()
    picture.source, picture.filepath = "FILE", "//checker.png"
    tree = thing.data.materials[0].node_tree
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.image = picture
    shader = tree.nodes["Principled BSDF"]
    tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    return shader


def elsewhere(folder: Path) -> None:
    """Name a texture and a library by paths of this folder, of Windows and of a POSIX machine."""
    small()
    textured(bpy.data.objects["Cube"], folder)
    bpy.data.objects["Cube"].location.x = 2
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "props.blend"), copy=True)
    small()
    shader = textured(bpy.data.objects["Cube"], folder)
    assert shader is not None
    with bpy.data.libraries.load(str(folder / "props.blend"), link=True) as (_, into):
        into.objects = ["Cube"]
    bpy.context.scene.collection.objects.link(into.objects[0])
    names = {"here": "//", "windows": "P:\\wolf\\", "posix": "/home/artist/wolf/"}
    for name, home in names.items():
        image = next(one for one in bpy.data.images if one.name == "checker" and not one.library)
        image.filepath = f"{home}checker.png"
        bpy.data.libraries[0].filepath = f"{home}props.blend"
        target = str(folder / f"{name}.blend")
        bpy.ops.wm.save_as_mainfile(filepath=target, copy=True, relative_remap=False)


def falling(folder: Path) -> None:
    """Let a cloth fall: what a frame shows depends on the frames before it."""
    small()
    cube = bpy.data.objects["Cube"]
    cube.modifiers.new("cloth", "CLOTH")
    save(folder, "falling")


def cutting(folder: Path) -> None:
    """Switch to another camera by a marker at frame 3."""
    small()
    scene = bpy.context.scene
    other = bpy.data.objects.new("Other", bpy.data.cameras.new("Other"))
    other.location = (0, 0, 9)
    scene.collection.objects.link(other)
    for name, frame in (("Camera", 1), ("Other", 3)):
        scene.timeline_markers.new(name, frame=frame).camera = scene.objects[name]
    save(folder, "cutting")


def endless(folder: Path) -> None:
    """Take far longer than any test waits."""
    small(samples=1_000_000)
    bpy.context.scene.cycles.use_adaptive_sampling = False
    bpy.context.scene.cycles.time_limit = 0
    save(folder, "endless")


def named(folder: Path) -> None:
    """Have a second camera, and none that is active."""
    small()
    scene = bpy.context.scene
    other = bpy.data.objects.new("Other", bpy.data.cameras.new("Other"))
    other.location = (0, 0, 9)
    scene.collection.objects.link(other)
    scene.camera = None
    save(folder, "named")


def hostile(folder: Path, *, outside: str, secret: str, report: str, port: str) -> None:
    """Run code wherever Blender may run some: Freestyle, a registered text, a driver."""
    small()
    scene = bpy.context.scene
    code = HOSTILE.format(
        outside=outside,
        secret=secret,
        report=report,
        port=int(port),
        project=str(folder / "hostile.blend"),
    )
    (folder / "evil.py").write_text(code)
    text = bpy.data.texts.new("evil.py")
    text.write(code)
    text.use_module = True
    scene.render.use_freestyle = True
    layer = scene.view_layers[0]
    layer.freestyle_settings.mode = "SCRIPT"
    module = layer.freestyle_settings.modules.new()
    module.script = text
    scene.use_nodes = True
    writer = scene.node_tree.nodes.new("CompositorNodeOutputFile")
    writer.base_path = str(Path(outside).parent)
    writer.file_slots[0].path = "composited"
    source = scene.node_tree.nodes["Render Layers"]
    scene.node_tree.links.new(source.outputs["Image"], writer.inputs[0])
    save(folder, "hostile")


def save(folder: Path, name: str) -> None:
    """Write the scene to the folder."""
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / f"{name}.blend"))


def main() -> None:
    """Make the scenes that are named; NAME may be followed by KEY=VALUE words."""
    folder, *words = sys.argv[1:]
    options = dict(word.split("=", 1) for word in words if "=" in word)
    for name in words:
        if "=" not in name:
            globals()[name](Path(folder), **(options if name == "hostile" else {}))


if __name__ == "__main__":
    main()

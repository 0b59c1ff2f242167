"""Makes scenes that attack; run by the engine's Python: `hostile_scenes.py FOLDER WORDS`.

WORDS is JSON: `outside` (a folder that nobody may touch), `scratch` (the one that engines may
write, and where the file `victim` names a process), `port` (where somebody listens), `size`
(bytes that are too many).
Every attack leaves `harm-NAME` in one of the two folders when it has reached what it wants, and
ends by itself where nobody stops it.
"""

import json
import sys
from pathlib import Path

import bpy

sys.path.append(str(Path(__file__).parent))
from scenes import save, small  # type: ignore[import-not-found]  # beside this script

LEAVE = """
import os
def harm(*folders):
    for folder in folders or ({outside!r}, {scratch!r}):
        try:
            open(os.path.join(folder, "harm-{name}"), "w").close()
        except OSError as error:
            print("harm-{name} refused:", error, flush=True)
"""
TOUCH = "harm({outside!r})"
HANDLER = """
import bpy
bpy.app.handlers.render_pre.append(lambda *_: harm({outside!r}))
"""
FORK_BOMB = """
import time
children = 0
while children < 400:
    if os.fork() == 0:
        time.sleep(12)
        os._exit(0)
    children += 1
time.sleep(5)
harm()
"""
MEMORY_BOMB = """
import time
held = [bytes([n + 1]) * 2**26 for n in range({size} // 2**26)]
time.sleep(5)
harm()
"""
DISK_FILLER = """
import time
for number in range({size} // 2**26):
    with open(os.path.join({scratch!r}, "filler-%d" % number), "wb") as file:
        file.write(b"x" * 2**26)
time.sleep(5)
harm()
"""
NETWORK = """
import socket
try:
    socket.create_connection(("127.0.0.1", {port}), 5)
    harm()
except OSError as error:
    print("network refused:", error, flush=True)
"""
CREDENTIALS = """
import glob
for path in [{outside!r} + "/token", *glob.glob("/proc/[0-9]*/environ")]:
    try:
        if b"node-token-7391" in open(path, "rb").read():
            harm()
    except OSError:
        continue
print("credentials searched", flush=True)
"""
SIGNAL = """
import signal
try:
    os.kill(int(open({scratch!r} + "/victim").read()), signal.SIGKILL)
    harm()
except OSError as error:
    print("signal refused:", error, flush=True)
"""
BY_FREESTYLE = {
    "freestyle": TOUCH,
    "fork_bomb": FORK_BOMB,
    "memory_bomb": MEMORY_BOMB,
    "disk_filler": DISK_FILLER,
    "network": NETWORK,
    "credentials": CREDENTIALS,
    "signal": SIGNAL,
}


def code(name: str, body: str, words: dict[str, object]) -> bpy.types.Text:
    """Return a text of the scene that holds the code."""
    text = bpy.data.texts.new(f"{name}.py")
    text.write((LEAVE + body).format(name=name, **words))
    return text


def by_freestyle(name: str, words: dict[str, object]) -> None:
    """Have the code run while strokes are drawn: Blender does not count it among the scripts."""
    scene = bpy.context.scene
    scene.render.use_freestyle = True
    layer = scene.view_layers[0].freestyle_settings
    layer.mode = "SCRIPT"
    layer.modules.new().script = code(name, BY_FREESTYLE[name], words)


def registered_text(words: dict[str, object]) -> None:
    code("registered_text", TOUCH, words).use_module = True


def handler(words: dict[str, object]) -> None:
    code("handler", HANDLER, words).use_module = True


def driver(words: dict[str, object]) -> None:
    curve = bpy.data.objects["Cube"].driver_add("location", 0)
    curve.driver.expression = f"open({str(words['outside'])!r} + '/harm-driver', 'w').close() or 0"


def absolute_output(words: dict[str, object]) -> None:
    output_node(str(words["outside"]), "harm-absolute_output")


def parent_output(words: dict[str, object]) -> None:
    del words
    output_node("//../outside", "harm-parent_output")


def output_node(folder: str, name: str) -> None:
    scene = bpy.context.scene
    scene.use_nodes = True
    writer = scene.node_tree.nodes.new("CompositorNodeOutputFile")
    writer.base_path = folder
    writer.file_slots[0].path = name
    source = scene.node_tree.nodes["Render Layers"]
    scene.node_tree.links.new(source.outputs["Image"], writer.inputs[0])


def absolute_texture(words: dict[str, object]) -> None:
    show(str(words["outside"]) + "/secret.png")


def parent_texture(words: dict[str, object]) -> None:
    del words
    show("//../outside/secret.png")


def symlinked_texture(words: dict[str, object]) -> None:
    (Path(str(words["project"])) / "innocent.png").symlink_to(f"{words['outside']}/secret.png")
    show("//innocent.png")


def show(path: str) -> None:
    """Let the cube glow in the colours of a picture, and hide all else."""
    cube = bpy.data.objects["Cube"]
    cube.scale = (9, 9, 1)
    bpy.data.objects["Camera"].location = (0, 0, 9)
    bpy.data.objects["Camera"].rotation_euler = (0, 0, 0)
    tree = cube.data.materials[0].node_tree
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.image = bpy.data.images.load(path)
    texture.image.filepath = path
    glow = tree.nodes.new("ShaderNodeEmission")
    tree.links.new(texture.outputs["Color"], glow.inputs["Color"])
    tree.links.new(glow.outputs["Emission"], tree.nodes["Material Output"].inputs["Surface"])


def secret(folder: Path) -> None:
    """Write a picture that is green all over."""
    picture = bpy.data.images.new("secret", 8, 8)
    picture.generated_color = (0, 1, 0, 1)
    picture.filepath_raw, picture.file_format = str(folder / "secret.png"), "PNG"
    picture.save()


OTHERS = {
    "registered_text": registered_text,
    "handler": handler,
    "driver": driver,
    "absolute_output": absolute_output,
    "parent_output": parent_output,
    "absolute_texture": absolute_texture,
    "parent_texture": parent_texture,
    "symlinked_texture": symlinked_texture,
}


def main() -> None:
    """Make them all, and `honest.blend` beside them."""
    folder, words = Path(sys.argv[1]), json.loads(sys.argv[2])
    small()
    save(folder, "honest")
    secret(Path(words["outside"]))
    for name in [*BY_FREESTYLE, *OTHERS]:
        small(samples=1)
        save(folder, name)  # so that relative paths mean something
        if name in BY_FREESTYLE:
            by_freestyle(name, words)
        else:
            OTHERS[name]({**words, "project": str(folder)})
        save(folder, name)


if __name__ == "__main__":
    main()

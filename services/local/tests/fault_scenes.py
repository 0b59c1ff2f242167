"""Makes scenes that break their render; run by the engine's Python: `fault_scenes.py FOLDER`.

Each does its harm in frame 2 alone, from inside Blender, on a node that trusts its scenes.
"""

import sys

import bpy

FREESTYLE = """
import bpy, os, subprocess, time
scene = bpy.context.scene
if scene.frame_current == 2:
    {harm}
"""
HARMS = {
    "crash": "os.abort()",
    "endless": "while True: pass",
    "hog": "held = [bytes([n + 1]) * 2**26 for n in range(40)]; time.sleep(60)",
    "full": "os.symlink('/dev/full', scene.render.filepath)",
    "unwritable": "os.mkdir(scene.render.filepath)",
    "truncated": "bpy.app.handlers.render_write.append("
    "lambda *_: bpy.context.scene.frame_current == 2"
    " and os.truncate(bpy.context.scene.render.filepath, 700))",
    "grandchild": "subprocess.Popen(['sleep', '600'], start_new_session=True)",
}


def made(folder: str, name: str, harm: str) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=False)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.device = 1, "CPU"
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = 64, 48
    scene.render.use_freestyle = True
    layer = scene.view_layers[0].freestyle_settings
    layer.mode = "SCRIPT"
    text = bpy.data.texts.new(f"{name}.py")
    text.write(FREESTYLE.format(harm=harm))
    layer.modules.new().script = text
    bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/{name}.blend")


for each, harmful in HARMS.items():
    made(sys.argv[1], each, harmful)

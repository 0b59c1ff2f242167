"""Run by any Blender: writes `<version>.blend`, a scene with a bit of everything that is read.

`blender --background --python make.py -- FOLDER`, or `python make.py FOLDER` where `bpy` is
installed. The files beside this one come from Blender 3.4.1 (Debian), 4.2.23 and 5.0.1 (`bpy`).
"""

import sys
from pathlib import Path

import bpy

VERSION = ".".join(map(str, bpy.app.version[:2]))

bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.name, scene.frame_start, scene.frame_end = "Shot", 3, 9
render = scene.render
render.engine, render.filepath = "CYCLES", "//out/frame_"
render.resolution_x, render.resolution_y = 320, 180
render.image_settings.file_format = "OPEN_EXR"
scene.cycles.samples = 16
scene.camera = bpy.data.objects.new("Close", bpy.data.cameras.new("Close"))
scene.collection.objects.link(scene.camera)
image = bpy.data.images.new("wood", 4, 4)
image.source, image.filepath, image.use_fake_user = "FILE", "//textures/wood.png", True
target = Path(sys.argv[-1]) / f"{VERSION}.blend"
bpy.ops.wm.save_as_mainfile(filepath=str(target), compress=True, relative_remap=False)

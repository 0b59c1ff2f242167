"""Renders one frame as plain Blender does in a fresh process.

`cold.py SCENE FRAME OUTPUT`, and `trusting` where the scene may run what it holds.
"""

import sys
from pathlib import Path

import bpy

scene_file, frame, output, *trusting = sys.argv[1:]
bpy.ops.wm.open_mainfile(filepath=scene_file, use_scripts=bool(trusting))
scene = bpy.context.scene
scene.frame_start = scene.frame_end = int(frame)  # as `blender -b SCENE -f FRAME` does
scene.render.image_settings.file_format = "PNG"
scene.render.filepath = f"{output}-####"
bpy.ops.render.render(animation=True)
Path(scene.render.frame_path(frame=int(frame))).rename(output)

"""Renders scenes one after the other as plain Blender does: `plain.py FOLDER OUT NAME...`.

With autoexec off, as `blender --disable-autoexec` is; on where the first NAME is `trusting`.
"""

import sys
from pathlib import Path

import bpy

folder, out, *names = sys.argv[1:]
trusting = names[0] == "trusting"
for name in names[trusting:]:
    bpy.context.preferences.filepaths.use_scripts_auto_execute = trusting
    bpy.ops.wm.open_mainfile(filepath=f"{folder}/{name}.blend", use_scripts=trusting)
    scene = bpy.context.scene
    scene.frame_start = scene.frame_end = 1
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = f"{out}/{name}-####"
    bpy.ops.render.render(animation=True)
    Path(scene.render.frame_path(frame=1)).rename(f"{out}/{name}.png")

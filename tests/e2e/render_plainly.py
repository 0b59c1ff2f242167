"""Run by Blender: renders frames of a scene where it lies, as an artist would."""

import sys

import bpy

scene_file, folder, frames = sys.argv[1:]
bpy.ops.wm.open_mainfile(filepath=scene_file)
for frame in map(int, frames.split(",")):
    bpy.context.scene.frame_set(frame)
    bpy.context.scene.render.filepath = f"{folder}/{frame:04d}.png"
    bpy.ops.render.render(write_still=True)

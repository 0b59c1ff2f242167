"""Gives the demo's scene enough samples for frames of several seconds. Run by Blender's Python."""

import sys

import bpy

blend, samples = sys.argv[-2:]
bpy.ops.wm.open_mainfile(filepath=blend)
bpy.context.scene.cycles.samples = int(samples)
bpy.ops.wm.save_mainfile()

"""Renders frames as one Blender process does without a farm: what a farm is measured by.

Run by Blender's own Python: `plain_render.py SCENE FOLDER FIRST LAST THREADS`.
"""

import sys
from pathlib import Path

import bpy


def render(blend: Path, folder: Path, first: int, last: int, threads: int) -> None:
    """Write every frame of the scene to `folder`, with as many threads."""
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = first, last
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = f"{folder}/####.png"
    bpy.ops.render.render(animation=True)


if __name__ == "__main__":
    scene_file, output, *numbers = sys.argv[-5:]
    render(Path(scene_file).resolve(), Path(output).resolve(), *map(int, numbers))

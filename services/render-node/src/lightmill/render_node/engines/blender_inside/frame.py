"""Renders one frame."""

from pathlib import Path
from typing import Any

import bpy

from lightmill.render_node.engines.blender_inside.settings import Settings, show_tile
from lightmill.render_node.engines.blender_inside.wire import SceneError

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".exr": "OPEN_EXR",
    ".tif": "TIFF",
    ".webp": "WEBP",
}
WITHOUT_ALPHA = {"JPEG"}


def render(frame: int, output: Path, settings: Settings) -> None:
    """Write the image of a frame, or of the tile of that number."""
    scene = bpy.context.scene
    set_format(scene.render, FORMATS[output.suffix.lower()])
    scene.render.filepath = str(output)
    # The render evaluates the frame itself; frame_set would evaluate it a second time, for a view.
    scene.frame_current = show_tile(scene.render, settings, frame)
    bpy.ops.render.render(write_still=True)
    if not output.is_file():
        detail = "Blender wrote no image: the disk is full, or the scene renders several views"
        raise SceneError("output", detail)


def set_format(render: Any, name: str) -> None:  # noqa: ANN401  # bpy ships no types
    """Write that format; a scene that writes it anyway keeps its depth and compression."""
    image = render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "IMAGE"
    if image.file_format not in {name, f"{name}_MULTILAYER"}:
        image.file_format = name
    if name in WITHOUT_ALPHA and image.color_mode == "RGBA":
        image.color_mode = "RGB"
    if render.film_transparent and name not in WITHOUT_ALPHA:
        image.color_mode = "RGBA"

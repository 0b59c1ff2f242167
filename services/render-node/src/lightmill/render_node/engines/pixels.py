"""Pixels as people see them: red, green and blue, from 0 to 1. This also runs inside a sandbox."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]
LINEAR = frozenset({"openexr"})
"""Formats, by OpenImageIO's names, whose values are light and not what a screen is sent."""


def shown(pixels: NDArray[Any], names: Sequence[str], *, linear: bool) -> Pixels:
    """Return an image as it is shown, in three channels.

    Args:
        pixels: `float16` where linear, else `uint8`; height, width, channels.
        names: Of the channels.
        linear: Whether the values are scene-linear.
    """
    chosen: Pixels = pixels[..., colours(names)].astype(np.float32)
    return _curved(chosen) if linear else chosen / np.float32(255)


def shown_small(
    pixels: NDArray[Any], names: Sequence[str], longest: int, *, linear: bool
) -> Pixels:
    """Return the image, no side longer, every pixel the mean of what it stands for."""
    height, width, _ = pixels.shape
    step = max(1, -(-max(height, width) // longest))
    rows, columns = max(1, height // step), max(1, width // step)
    tiles = pixels[: rows * step, : columns * step]
    skip = max(1, step // 4)  # a sixteenth of the pixels tells the mean well enough
    boxes = [
        tiles[down::step, across::step][:rows, :columns].astype(np.float32)
        for down in range(0, min(step, height), skip)
        for across in range(0, min(step, width), skip)
    ]
    mean: Pixels = np.asarray(boxes).mean(axis=0, dtype=np.float32)[..., colours(names)]
    return _curved(mean) if linear else mean / np.float32(255)


def colours(names: Sequence[str]) -> list[int]:
    """Return the places of red, green and blue; the first channel thrice where there are none.

    Layers of an EXR file prefix their names: `ViewLayer.Combined.R`.
    """
    for place, name in enumerate(names):
        layer, dot, channel = name.rpartition(".")
        three = [f"{layer}{dot}{colour}" for colour in "RGB"]
        if channel == "R" and all(colour in names for colour in three):
            return [place, *(names.index(colour) for colour in three[1:])]
    return [0, 0, 0]


def eight_bits(pixels: Pixels) -> NDArray[np.uint8]:
    """Return the image in bytes."""
    return np.ascontiguousarray(np.rint(pixels * 255).astype(np.uint8))


def _curved(linear: Pixels) -> Pixels:
    """Return scene-linear values as sRGB shows them."""
    light = np.clip(np.nan_to_num(linear, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
    curved = 1.055 * light ** (1 / 2.4) - 0.055
    found: Pixels = np.where(light <= 0.0031308, 12.92 * light, curved).astype(np.float32)  # noqa: PLR2004  # IEC 61966-2-1
    return found

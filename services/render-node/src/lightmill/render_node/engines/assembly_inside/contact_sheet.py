"""Shows many images in one."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813  # its own documentation's name for it
from numpy.typing import NDArray

from lightmill.render_node.engines.assembly_inside.reading import shown_small, write
from lightmill.render_node.engines.pixels import eight_bits

_LONGEST_SIDE = 192
_MOST_IMAGES = 400
_GAP = 4
_BACKGROUND = 32


def write_contact_sheet(
    images: Sequence[Path], target: Path, on_progress: Callable[[float], None]
) -> None:
    """Write the images in rows, by frame; of very many, some at even distances.

    Raises:
        AssemblyError: an image is damaged, or the sheet cannot be written.
    """
    chosen = _chosen(images)
    small: list[NDArray[np.uint8]] = []
    for place, path in enumerate(chosen):
        small.append(eight_bits(shown_small(path, _LONGEST_SIDE)))
        on_progress((place + 1) / len(chosen))
    sheet = _laid_out(small)
    write(target, sheet, oiio.ImageSpec(sheet.shape[1], sheet.shape[0], 3, "uint8"))


def _chosen(images: Sequence[Path]) -> Sequence[Path]:
    if len(images) <= _MOST_IMAGES:
        return images
    last = len(images) - 1
    return [images[place * last // (_MOST_IMAGES - 1)] for place in range(_MOST_IMAGES)]


def _laid_out(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    height = max(image.shape[0] for image in images) + _GAP
    width = max(image.shape[1] for image in images) + _GAP
    columns = max(1, math.ceil(math.sqrt(len(images) * height / width)))
    rows = -(-len(images) // columns)
    size = (rows * height + _GAP, columns * width + _GAP, 3)
    sheet = np.full(size, _BACKGROUND, dtype=np.uint8)
    for place, image in enumerate(images):
        row, column = divmod(place, columns)
        top, left = row * height + _GAP, column * width + _GAP
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
    return sheet

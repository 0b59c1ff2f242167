"""Puts the tiles of a still together."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813  # its own documentation's name for it

from lightmill.render_node.core.tiles import Tiling
from lightmill.render_node.engines.assembly_inside.reading import (
    AssemblyError,
    Stored,
    opened,
    stored,
    write,
)

_OF_ONE_TILE = ("Lightmill", "lightmill", "ImageDescription", '{"job"')
"""Attributes in which a tile says what it is; the last is how a JPEG's comment is read."""


def stitch(tiles: Sequence[Path], tiling: Tiling, target: Path) -> None:
    """Write the whole image, with the channels and the depth of its tiles.

    Args:
        tiles: In the order of their numbers.
        tiling: How they lie.
        target: Of the same format as the tiles.

    Raises:
        AssemblyError: a tile is missing, damaged, or does not fit.
    """
    if len(tiles) != tiling.count:
        raise AssemblyError(f"{target.name} needs {tiling.count} tiles, not {len(tiles)}")
    read = list(map(stored, tiles))
    starts = range(0, len(read), tiling.columns)
    try:
        rows = [np.concatenate(read[start : start + tiling.columns], axis=1) for start in starts]
        whole = np.concatenate(rows, axis=0)
    except ValueError as error:
        detail = f"{target.name} has tiles that do not fit each other: {error}"
        raise AssemblyError(detail) from error
    write(target, whole, _spec(tiles[0], whole))


def _spec(tile: Path, whole: Stored) -> oiio.ImageSpec:
    """Return what the tile says of itself, for the whole image."""
    with opened(tile) as source:
        spec = oiio.ImageSpec(source.spec())
    spec.height, spec.width = whole.shape[:2]
    spec.full_width, spec.full_height = spec.width, spec.height
    spec.x = spec.y = spec.full_x = spec.full_y = 0
    for name in _OF_ONE_TILE:
        spec.erase_attribute(name)
    return spec

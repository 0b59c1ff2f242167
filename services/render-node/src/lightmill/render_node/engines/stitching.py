"""Puts the tiles of a still together."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio  # noqa: N813  # its own documentation's name for it
from numpy.typing import NDArray

from lightmill.domain.failures import FailureKind
from lightmill.render_node.core.tiles import Tiling
from lightmill.render_node.ports import RenderFailedError

Pixels = NDArray[Any]


def stitch(tiles: Sequence[Path], tiling: Tiling, target: Path) -> None:
    """Write the whole image, with the channels and the depth of its tiles.

    Args:
        tiles: In the order of their numbers.
        tiling: How they lie.
        target: Of the same format as the tiles.

    Raises:
        RenderFailedError: of kind OUTPUT: a tile is missing, damaged, or does not fit.
    """
    if len(tiles) != tiling.columns * tiling.rows:
        raise _failed(target, f"needs {tiling.columns * tiling.rows} tiles, not {len(tiles)}")
    read = [_read(path) for path in tiles]
    starts = range(0, len(read), tiling.columns)
    try:
        rows = [np.concatenate(read[start : start + tiling.columns], axis=1) for start in starts]
        whole = np.ascontiguousarray(np.concatenate(rows, axis=0))
    except ValueError as error:
        raise _failed(target, f"has tiles that do not fit each other: {error}") from error
    _write(target, whole, _spec(tiles[0]))


@contextmanager
def _opened(path: Path) -> Iterator[oiio.ImageInput]:
    source = oiio.ImageInput.open(str(path))
    if source is None:
        raise _failed(path, f"is no image: {oiio.geterror()}")
    try:
        yield source
    finally:
        source.close()


def _read(path: Path) -> Pixels:
    with _opened(path) as source:
        pixels = source.read_image(source.spec().format)
        trouble = source.geterror()
    if pixels is None or trouble:
        raise _failed(path, f"is damaged: {trouble or 'no pixels'}")
    found: Pixels = pixels
    return found


def _spec(path: Path) -> oiio.ImageSpec:
    with _opened(path) as source:
        return source.spec()


def _write(target: Path, whole: Pixels, like: oiio.ImageSpec) -> None:
    spec = oiio.ImageSpec(like)
    spec.height, spec.width = whole.shape[:2]
    spec.full_width, spec.full_height = spec.width, spec.height
    spec.x = spec.y = spec.full_x = spec.full_y = 0
    output = oiio.ImageOutput.create(str(target))
    if output is None or not output.open(str(target), spec):
        raise _failed(target, f"cannot be written: {oiio.geterror()}")
    written = output.write_image(whole)
    if not (output.close() and written):
        raise _failed(target, f"cannot be written: {output.geterror()}")


def _failed(path: Path, why: str) -> RenderFailedError:
    return RenderFailedError(FailureKind.OUTPUT, f"{path.name} {why}")

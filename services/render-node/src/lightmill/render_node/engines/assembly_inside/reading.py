"""Reads and writes images whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio  # noqa: N813  # its own documentation's name for it
from numpy.typing import NDArray

from lightmill.render_node.engines import pixels

Stored = NDArray[Any]


class AssemblyError(Exception):
    """The images do not make what was asked for; the message says which, and why."""


@contextmanager
def opened(path: Path) -> Iterator[oiio.ImageInput]:
    """Give the image, open.

    Raises:
        AssemblyError: it is none.
    """
    source = oiio.ImageInput.open(str(path))
    if source is None:
        raise AssemblyError(f"{path.name} is no image: {oiio.geterror()}")
    try:
        yield source
    finally:
        source.close()


def stored(path: Path) -> Stored:
    """Return the pixels as they are stored; see `opened` for errors."""
    with opened(path) as source:
        return _read(source, path, source.spec().format)


def shown(path: Path) -> pixels.Pixels:
    """Return the pixels as they are shown; see `opened` for errors."""
    with opened(path) as source:
        names, linear = source.spec().channelnames, source.format_name() in pixels.LINEAR
        found = _read(source, path, "half" if linear else "uint8")
    return pixels.shown(found, names, linear=linear)


def shown_small(path: Path, longest: int) -> pixels.Pixels:
    """Return the pixels as they are shown, no side longer; see `opened` for errors."""
    with opened(path) as source:
        names, linear = source.spec().channelnames, source.format_name() in pixels.LINEAR
        found = _read(source, path, "half" if linear else "uint8")
    return pixels.shown_small(found, names, longest, linear=linear)


def write(target: Path, whole: Stored, spec: oiio.ImageSpec) -> None:
    """Write an image.

    Raises:
        AssemblyError: it cannot be written.
    """
    output = oiio.ImageOutput.create(str(target))
    if output is None or not output.open(str(target), spec):
        raise AssemblyError(f"{target.name} cannot be written: {oiio.geterror()}")
    written = output.write_image(np.ascontiguousarray(whole))
    if not (output.close() and written):
        raise AssemblyError(f"{target.name} cannot be written: {output.geterror()}")


def _read(source: oiio.ImageInput, path: Path, kind: str | oiio.TypeDesc) -> Stored:
    found = source.read_image(kind)
    trouble = source.geterror()
    if found is None or trouble:
        raise AssemblyError(f"{path.name} is damaged: {trouble or 'no pixels'}")
    values: Stored = found
    return values

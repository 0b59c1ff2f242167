"""Lets a film be delivered like an image: its boxes are read, no frame of it is decoded."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lightmill.domain.failures import FailureKind
from lightmill.render_node.engines.assembly_inside import poster
from lightmill.render_node.ports import CheckedImage, Images, RenderFailedError

_SUFFIX = ".mp4"
_HEADER = struct.Struct(">I4s")
_LONG = struct.Struct(">Q")
_SIZE = struct.Struct(">II")
_MOST_OF_A_BOX = 2**26
_MOST_OF_A_POSTER = 2**20
_INSIDE = (b"moov", b"trak")
"""Boxes in which the box with the film's size lies."""


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    end: int


class FilmsAndImages:
    """Looks into films itself, and leaves images to those who know them; see `ports.Images`."""

    def __init__(self, images: Images) -> None:
        self._images = images

    def check(self, path: Path, width: int | None, height: int | None) -> CheckedImage:
        """Return the size of a film that is whole, or what an image is.

        Its boxes (ISO 14496-12) have to end where the file does: one that is cut off does not.
        """
        if path.suffix != _SUFFIX:
            return self._images.check(path, width, height)
        try:
            with path.open("rb") as film:
                wide, high = _size(film, path.stat().st_size)
        except (OSError, ValueError, struct.error) as error:
            detail = f"{path.name} is no whole film: {error}"
            raise RenderFailedError(FailureKind.OUTPUT, detail) from error
        return CheckedImage(width=wide, height=high, media_type="video/mp4")

    def embed(self, path: Path, text: str) -> bool:
        """Write a text into an image's metadata; a film has no room for it."""
        return path.suffix != _SUFFIX and self._images.embed(path, text)

    def thumbnail(self, path: Path, target: Path) -> None:
        """Write a small JPEG of an image, or of the poster that a film brings along.

        A poster is opened as hostile as any other image.
        """
        if path.suffix != _SUFFIX:
            self._images.thumbnail(path, target)
            return
        large = target.with_name(f"{target.name}.poster.jpg")
        try:
            _take_out_poster(path, large)
            self._images.thumbnail(large, target)
        finally:
            large.unlink(missing_ok=True)


def _take_out_poster(path: Path, target: Path) -> None:
    """Write the picture that stands for a film to `target`.

    Raises:
        RenderFailedError: it brings none.
    """
    try:
        with path.open("rb") as film:
            for box in _boxes(film, 0, path.stat().st_size):
                film.seek(box.start)
                if box.kind == poster.KIND and film.read(len(poster.NAME)) == poster.NAME:
                    size = min(_MOST_OF_A_POSTER, box.end - film.tell())
                    target.write_bytes(film.read(size))
                    return
    except (OSError, ValueError, struct.error) as error:
        raise RenderFailedError(FailureKind.OUTPUT, f"{path.name}: {error}") from error
    raise RenderFailedError(FailureKind.OUTPUT, f"{path.name} brings no poster")


def _size(film: BinaryIO, length: int) -> tuple[int, int]:
    """Return width and height of the first track.

    Raises:
        ValueError: a box reaches beyond the one around it, or what there must be is missing.
    """
    top = list(_boxes(film, 0, length))
    if not {b"ftyp", b"moov", b"mdat"} <= {box.kind for box in top}:
        raise ValueError("it has no frames, or not what tells of them")
    boxes = top
    for kind in _INSIDE:
        around = _first(boxes, kind)
        if around.end - around.start > _MOST_OF_A_BOX:
            raise ValueError("what tells of its frames is too long")
        boxes = list(_boxes(film, around.start, around.end))
    film.seek(_first(boxes, b"tkhd").end - _SIZE.size)
    wide, high = _SIZE.unpack(film.read(_SIZE.size))
    return wide >> 16, high >> 16


def _first(boxes: list[_Box], kind: bytes) -> _Box:
    found = next((box for box in boxes if box.kind == kind), None)
    if found is None:
        raise ValueError(f"it has no {kind.decode()}")
    return found


def _boxes(film: BinaryIO, start: int, end: int) -> Iterator[_Box]:
    """Yield the boxes that fill a stretch of the file, each with where its content lies."""
    while start < end:
        film.seek(start)
        size, kind = _HEADER.unpack(film.read(_HEADER.size))
        head = _HEADER.size
        if size == 1:
            (size,) = _LONG.unpack(film.read(_LONG.size))
            head += _LONG.size
        if size < head or start + size > end:
            raise ValueError("its end is missing")
        yield _Box(kind, start + head, start + size)
        start += size

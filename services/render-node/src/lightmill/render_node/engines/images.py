"""Opens rendered images to their last byte, and makes thumbnails of them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813  # its own documentation's name for it

from lightmill.domain.failures import FailureKind
from lightmill.render_node.engines.embedding import embed
from lightmill.render_node.engines.pixels import LINEAR, Pixels, shown_small
from lightmill.render_node.ports import CheckedImage, RenderFailedError

_LONGEST_SIDE = 256
_QUALITY = "jpeg:85"
_MOST_VALUES = 2**31
_MEDIA_TYPES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "openexr": "image/x-exr",
    "tiff": "image/tiff",
    "webp": "image/webp",
}
_LAST_BYTES = {"png": b"IEND\xaeB`\x82"}


@dataclass(frozen=True, slots=True)
class _Read:
    """An image that was read whole; `small` has values from 0 to 1 for showing, RGB."""

    checked: CheckedImage
    small: Pixels


class OpenImageIoImages:
    """Looks into images with OpenImageIO.

    A thread that asks for the thumbnail of the file that it has just checked gets it without
    reading the file again.
    """

    def __init__(self) -> None:
        self._last = threading.local()

    def check(self, path: Path, width: int | None, height: int | None) -> CheckedImage:
        """Return the size and type of an image, having read all of it; see `ports.Images`."""
        found = self._read(path).checked
        for side, is_now, wanted in (
            ("wide", found.width, width),
            ("high", found.height, height),
        ):
            if wanted is not None and is_now != wanted:
                raise _failed(path, f"is {is_now} pixels {side}, not {wanted}")
        return found

    def embed(self, path: Path, text: str) -> bool:
        """Write a text into the image's metadata; see `ports.Images`."""
        return embed(path, text)

    def thumbnail(self, path: Path, target: Path) -> None:
        """Write a JPEG of at most 256 pixels a side to `target`; see `ports.Images`."""
        small = self._read(path).small
        pixels = np.ascontiguousarray(np.rint(small * 255).astype(np.uint8))
        height, width, channels = pixels.shape
        spec = oiio.ImageSpec(width, height, channels, "uint8")
        spec.attribute("Compression", _QUALITY)
        output = oiio.ImageOutput.create(str(target))
        if output is None or not output.open(str(target), spec):
            raise _failed(target, f"cannot be written: {oiio.geterror()}")
        written = output.write_image(pixels)
        if not (output.close() and written):
            raise _failed(target, f"cannot be written: {output.geterror()}")

    def _read(self, path: Path) -> _Read:
        try:
            stat = path.stat()
        except OSError as error:
            raise _failed(path, f"cannot be read: {error.strerror}") from error
        key = (path, stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if getattr(self._last, "key", None) != key:
            self._last.read, self._last.key = _read(path), key
        found: _Read = self._last.read
        return found


def _read(path: Path) -> _Read:
    with _opened(path) as source:
        spec, kind = source.spec(), source.format_name()
        if spec.width * spec.height * spec.nchannels > _MOST_VALUES:
            raise _failed(path, f"is too large: {spec.width} x {spec.height} pixels")
        pixels = source.read_image("half" if kind in LINEAR else "uint8")
        trouble = source.geterror()
        if pixels is None or trouble:
            raise _failed(path, f"is damaged: {trouble or 'no pixels'}")
        small = shown_small(pixels, spec.channelnames, _LONGEST_SIDE, linear=kind in LINEAR)
    _require_end(path, kind)
    media_type = _MEDIA_TYPES.get(kind, f"image/x-{kind}")
    checked = CheckedImage(width=spec.width, height=spec.height, media_type=media_type)
    return _Read(checked, small)


@contextmanager
def _opened(path: Path) -> Iterator[oiio.ImageInput]:
    source = oiio.ImageInput.open(str(path))
    if source is None:
        raise _failed(path, f"is no image: {oiio.geterror()}")
    try:
        yield source
    finally:
        source.close()


def _require_end(path: Path, kind: str) -> None:
    wanted = _LAST_BYTES.get(kind, b"")
    with path.open("rb") as file:
        file.seek(-min(len(wanted), path.stat().st_size), 2)
        if file.read() != wanted:
            raise _failed(path, "is damaged: its end is missing")


def _failed(path: Path, why: str) -> RenderFailedError:
    return RenderFailedError(FailureKind.OUTPUT, f"{path.name} {why}".strip())

"""Looks at finished images, and puts them together: a contact sheet, a film."""

import shutil
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import OpenImageIO as oiio  # noqa: N813  # its own documentation's name for it

_COLUMNS = 6
_WIDTH = 192
_FRAMES_PER_SECOND = 12


class PictureError(Exception):
    """An image does not open, or is not what it should be."""


def open_image(path: Path) -> oiio.ImageBuf:
    """Return the image at `path`, read to its end.

    Raises:
        PictureError: it is none, or is cut off.
    """
    image = oiio.ImageBuf(str(path))
    if not image.read(force=True) or image.has_error:
        raise PictureError(f"{path} does not open: {image.geterror()}")
    return image


def require_motion(frames: Sequence[Path]) -> None:
    """Return when each frame differs from the one before.

    Raises:
        PictureError: two frames in a row are the same, or one does not open.
    """
    for one, other in pairwise(frames):
        compared = oiio.ImageBufAlgo.compare(open_image(one), open_image(other), 0.05, 0.05)
        if compared.nfail == 0:
            raise PictureError(f"{one.name} and {other.name} are alike: nothing moves")


def write_contact_sheet(images: Sequence[Path], target: Path) -> None:
    """Write all images to one, six in a row."""
    tiles = [_tile(path) for path in images]
    height = max(tile.spec().height for tile in tiles)
    rows = -(-len(tiles) // _COLUMNS)
    sheet = oiio.ImageBuf(oiio.ImageSpec(_COLUMNS * _WIDTH, rows * height, 3, "uint8"))
    oiio.ImageBufAlgo.zero(sheet)
    for place, tile in enumerate(tiles):
        row, column = divmod(place, _COLUMNS)
        oiio.ImageBufAlgo.paste(sheet, column * _WIDTH, row * height, 0, 0, tile)
    if not sheet.write(str(target)):
        raise PictureError(f"{target} cannot be written: {sheet.geterror()}")


def write_film(folder: Path, target: Path) -> bool:
    """Write `0001.png` … of `folder` to a film; False when there is no ffmpeg."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        return False
    command = [ffmpeg, "-y", "-loglevel", "error", "-framerate", str(_FRAMES_PER_SECOND)]
    command += ["-i", str(folder / "%04d.png"), "-pix_fmt", "yuv420p", str(target)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  # our own command line
    if ended.returncode:
        raise PictureError(f"ffmpeg failed: {ended.stderr.strip()}")
    return True


def _tile(path: Path) -> oiio.ImageBuf:
    image = open_image(path)
    spec = image.spec()
    height = round(_WIDTH * spec.height / spec.width)
    small = oiio.ImageBufAlgo.resize(image, roi=oiio.ROI(0, _WIDTH, 0, height, 0, 1, 0, 3))
    return oiio.ImageBufAlgo.channels(small, (0, 1, 2))

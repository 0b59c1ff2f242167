"""Names of files and folders, and what the settings of a work say of its images."""

import contextlib
import hashlib
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from lightmill.domain.assembly import ASSEMBLY, Assembly
from lightmill.domain.job import Json, Work
from lightmill.render_node.core.tiles import tiling

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SUFFIXES = {
    "PNG": ".png",
    "JPEG": ".jpg",
    "OPEN_EXR": ".exr",
    "TIFF": ".tif",
    "WEBP": ".webp",
    "ZIP": ".zip",
    "MP4": ".mp4",
}
_OF_ALL_FRAMES = frozenset({Assembly.FILM.value, Assembly.CONTACT_SHEET.value})


class UnsafePathError(ValueError):
    """A path of a bundle that would leave the workspace, or that no system can hold."""


def folder_name(name: str) -> str:
    """Return `name` where it can stand as a folder, else a plain name made of it.

    Different names never share a folder.
    """
    if _PLAIN.fullmatch(name):
        return name
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
    return "_" + digest


def inside(path: str) -> PurePosixPath:
    """Return `path` as a relative path that stays below whatever it is joined to.

    Raises:
        UnsafePathError: it is absolute, climbs, or holds what is no file name.
    """
    parts = path.split("/")
    bad = any(part in {"", ".", ".."} or "\0" in part for part in parts)
    if bad or "\\" in path or re.match(r"[A-Za-z]:", path):
        raise UnsafePathError(f"{path!r} is no path inside a bundle; write it like textures/a.png")
    return PurePosixPath(*parts)


def image_name(work: Work, frame: int) -> str:
    """Return the name of a frame's image, such as `0001.png` or `film.mp4`."""
    wanted = work.settings.get("format")
    suffix = _SUFFIXES.get(wanted.upper(), ".png") if isinstance(wanted, str) else ".png"
    assembled = work.settings.get("assemble") if work.engine == ASSEMBLY else None
    stem = assembled if assembled in _OF_ALL_FRAMES else f"{frame:04d}"
    return f"{stem}{suffix}"


def thumbnail_name(frame: int) -> str:
    """Return the name of a frame's thumbnail."""
    return f"thumbs/{frame:04d}.jpg"


def image_size(
    settings: Mapping[str, Json], frame: int | None = None
) -> tuple[int | None, int | None]:
    """Return the width and height that an image has to have, each None where any will do.

    Args:
        settings: Of the work.
        frame: Which one; of a still that is cut into tiles, each may have a size of its own.
    """
    percentage = settings.get("percentage")
    share = percentage if isinstance(percentage, int | float) else 100
    width, height = (_pixels(settings.get(side), share) for side in ("width", "height"))
    if frame is not None and settings.get("tiles") is not None:
        return _tile_size(settings, frame, width, height)
    return width, height


def _tile_size(
    settings: Mapping[str, Json], frame: int, width: int | None, height: int | None
) -> tuple[int | None, int | None]:
    with contextlib.suppress(ValueError):  # the engine says what is wrong
        found = tiling(settings)
        if found is not None and width is not None and height is not None:
            return found.box(frame, width, height).size
    return None, None


def _pixels(size: Json, share: float) -> int | None:
    whole = isinstance(size, int) and not isinstance(size, bool)
    return int(size * share / 100) if whole and isinstance(size, int) else None

"""Brings images home, and checks that they are what was rendered."""

from pathlib import Path

from lightmill.client.errors import ContentMismatchError
from lightmill.client.hashing import content_of
from lightmill.client.models import Result
from lightmill.client.transport import Transport

_SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/x-exr": ".exr",
    "image/tiff": ".tif",
    "image/webp": ".webp",
    "application/zip": ".zip",
}


def save(transport: Transport, result: Result, folder: Path) -> Path:
    """Write one image to `folder` unless it is there already; returns its file.

    Raises:
        ContentMismatchError: what arrived is not what was rendered; nothing is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{result.frame:04d}{_SUFFIXES.get(result.media_type, '.img')}"
    if target.is_file() and content_of(target).blake3 == result.blake3:
        return target
    transport.fetch(result.url, target)
    if content_of(target).blake3 != result.blake3:
        target.unlink()
        raise ContentMismatchError(f"frame {result.frame} arrived damaged; download it again")
    return target

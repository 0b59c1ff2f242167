"""Brings images and films home, and checks that they are what was rendered."""

import re
from collections import Counter
from collections.abc import Sequence
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


def save_all(transport: Transport, results: Sequence[Result], folder: Path) -> list[Path]:
    """Write a job's results to `folder`; where steps share a name, each has a folder of its own.

    Raises:
        ContentMismatchError: what arrived is not what was rendered.
    """
    files = [result for result in results if result.url is not None]
    shared = Counter(map(_name, files))
    return [
        save(transport, result, folder if shared[_name(result)] == 1 else folder / _step(result))
        for result in files
    ]


def save(transport: Transport, result: Result, folder: Path) -> Path:
    """Write one image to `folder` unless it is there already; returns its file.

    Raises:
        ContentMismatchError: what arrived is not what was rendered; nothing is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / _name(result)
    if target.is_file() and content_of(target).blake3 == result.blake3:
        return target
    transport.fetch(result.url or "", target)
    if content_of(target).blake3 != result.blake3:
        target.unlink()
        raise ContentMismatchError(f"frame {result.frame} arrived damaged; download it again")
    return target


def _step(result: Result) -> str:
    """Return the folder for a step whose name may hold anything."""
    return re.sub(r"[^\w -]", "_", result.step) or "_"


def _name(result: Result) -> str:
    """Return what the file is called here: a plain name, whatever the farm says."""
    name = Path(result.name.replace("\\", "/")).name
    return name or f"{result.frame:04d}{_SUFFIXES.get(result.media_type, '.img')}"

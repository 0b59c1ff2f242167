"""The files of a folder that belong to a scene."""

import os
from collections.abc import Iterator, Mapping
from os import stat_result
from pathlib import Path
from typing import NamedTuple

from lightmill.client.errors import FarmError
from lightmill.client.hashing import content_of
from lightmill.client.known_hashes import KnownHashes, Row, Taken, unchanged

_BACKUPS = (".blend1", ".blend2", ".blend3")


class FolderError(FarmError):
    """A folder that cannot be handed in as it is."""


class LocalFile(NamedTuple):
    """A file to hand in; there may be very many, and a tuple is made quickest.

    Attributes:
        path: Where it stands in the bundle, with slashes.
        source: Where it lies.
        size: Bytes.
    """

    path: str
    source: str
    size: int
    blake3: str


def read_folder(root: Path, known: KnownHashes | None = None) -> list[LocalFile]:
    """Return the files below `root`, sorted by path; a file as `root` stands alone.

    Hidden files and Blender's backups (`.blend1` …) are left out. Linked files are read, linked
    folders are not followed.

    Args:
        root: A folder, or a file.
        known: Hashes from earlier; files that have not changed since are not read.

    Raises:
        FolderError: there is nothing to hand in, or a file cannot be read or named.
    """
    place = str(root.resolve())
    if not root.exists():
        raise FolderError(f"{root} is neither a file nor a folder")
    began = 0 if known is None else known.now()
    kept = {} if known is None else known.below(place)
    taken: list[Taken] = []
    files = list(_local(place, kept, taken))
    if not files:
        raise FolderError(f"{root} holds no files to hand in")
    if known is not None:
        known.remember(taken, began)
    return sorted(files)


def _found(place: str) -> Iterator[tuple[str, str, stat_result]]:
    """Yield where each file lies, where it is to stand, and its status.

    Raises:
        FolderError: one cannot be looked at.
    """
    if Path(place).is_file():
        yield place, Path(place).name, Path(place).stat()
        return
    folders = [(place, "")]
    while folders:
        folder, inside = folders.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith("."):
                    continue
                if entry.is_dir():
                    if not entry.is_symlink():
                        folders.append((entry.path, f"{inside}{name}/"))
                elif not name.endswith(_BACKUPS):
                    yield entry.path, inside + name, _status(entry)


def _status(entry: os.DirEntry[str]) -> stat_result:
    try:
        return entry.stat()
    except OSError as error:
        raise FolderError(f"{entry.path} cannot be read: {error.strerror}") from error


def _local(place: str, kept: Mapping[str, Row], taken: list[Taken]) -> Iterator[LocalFile]:
    """Yield the files; those that had to be read are added to `taken`.

    Raises:
        FolderError: one cannot be read, or is not named in UTF-8.
    """
    for source, path, status in _found(place):
        blake3, size = unchanged(kept.get(source), status), status.st_size
        if blake3 is None:
            size, blake3 = _read(source, path)
            taken.append(Taken(source, status, blake3))
        yield LocalFile(path, source, size, blake3)


def _read(source: str, path: str) -> tuple[int, str]:
    """Return the size and the hash of a file that is not known, and so may have any name."""
    try:
        path.encode()
        content = content_of(source)
    except UnicodeEncodeError as error:
        raise FolderError(f"{path!r} is not named in UTF-8: rename it") from error
    except OSError as error:
        raise FolderError(f"{source} cannot be read: {error.strerror}") from error
    return content.size, content.blake3

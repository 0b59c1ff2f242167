"""The files of a folder that belong to a scene."""

import os
from collections.abc import Iterator, Mapping
from operator import itemgetter
from os import stat_result
from pathlib import Path
from typing import NamedTuple

from lightmill.client.errors import FarmError
from lightmill.client.hashing import content_of
from lightmill.client.known_hashes import KnownHashes, Row, Taken

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
    try:
        files = list(_local(place, kept, taken))
    except OSError as error:
        raise FolderError(f"{error.filename} cannot be read: {error.strerror}") from error
    if not files:
        raise FolderError(f"{root} holds no files to hand in")
    if known is not None:
        known.remember(taken, began)
    files.sort(key=itemgetter(0))
    return files


def _found(place: str) -> Iterator[tuple[str, str, stat_result]]:
    """Yield where each file lies, where it is to stand, and its status.

    Raises:
        OSError: one cannot be looked at; it has the name.
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
                if name[0] == ".":
                    continue
                if entry.is_dir():
                    if not entry.is_symlink():
                        folders.append((entry.path, f"{inside}{name}/"))
                elif not name.endswith(_BACKUPS):
                    yield entry.path, inside + name, entry.stat()


def _local(place: str, kept: Mapping[str, Row], taken: list[Taken]) -> Iterator[LocalFile]:
    """Yield the files; those that had to be read are added to `taken`.

    For a folder that has not changed this loop is all there is, so it calls nothing of ours.

    Raises:
        OSError: one cannot be looked at.
        FolderError: one cannot be read, or is not named in UTF-8.
    """
    for source, path, status in _found(place):
        row, size = kept.get(source), status.st_size
        if (
            row is not None
            and row[2] == status.st_mtime_ns
            and row[1] == size
            and row[3] == status.st_ctime_ns
            and row[4] == status.st_ino
        ):
            yield LocalFile(path, source, size, row[5])
        else:
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

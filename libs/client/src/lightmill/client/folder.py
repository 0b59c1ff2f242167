"""The files of a folder that belong to a scene."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lightmill.client.errors import FarmError
from lightmill.client.hashing import content_of
from lightmill.client.known_hashes import KnownHashes, Row, Taken, unchanged

_BACKUPS = (".blend1", ".blend2", ".blend3")


class FolderError(FarmError):
    """A folder that cannot be handed in as it is."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to hand in.

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
    files = [_local(source, path, kept, taken) for source, path in _found(place)]
    if not files:
        raise FolderError(f"{root} holds no files to hand in")
    if known is not None:
        known.remember(taken, began)
    return sorted(files, key=lambda file: file.path)


def _found(place: str) -> Iterator[tuple[str, str]]:
    """Yield where each file lies, and where it is to stand."""
    if Path(place).is_file():
        yield place, Path(place).name
        return
    for folder, names, files in os.walk(place):
        names[:] = [name for name in names if not name.startswith(".")]
        inside = "" if folder == place else f"{folder[len(place) :].lstrip(os.sep)}/"
        for name in files:
            if _belongs(name):
                yield f"{folder}/{name}", inside.replace(os.sep, "/") + name


def _belongs(name: str) -> bool:
    return not name.startswith(".") and not name.endswith(_BACKUPS)


def _local(source: str, path: str, kept: Mapping[str, Row], taken: list[Taken]) -> LocalFile:
    """Return the file; what had to be read for it is added to `taken`."""
    try:
        path.encode()
        # A Path for each of ten thousand files costs more than looking at it.
        status = os.stat(source)  # noqa: PTH116  # see above
        blake3 = unchanged(kept.get(source), status)
        if blake3 is not None:
            return LocalFile(path, source, status.st_size, blake3)
        content = content_of(source)
    except UnicodeEncodeError as error:
        raise FolderError(f"{path!r} is not named in UTF-8: rename it") from error
    except OSError as error:
        raise FolderError(f"{source} cannot be read: {error.strerror}") from error
    taken.append(Taken(source, status, content.blake3))
    return LocalFile(path, source, content.size, content.blake3)

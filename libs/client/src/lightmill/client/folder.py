"""The files of a folder that belong to a scene."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lightmill.client.errors import FarmError
from lightmill.client.hashing import Fingerprint, fingerprint

_BACKUPS = (".blend1", ".blend2", ".blend3")


class FolderError(FarmError):
    """A folder that cannot be handed in as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A file to hand in; `path` is where it stands in the bundle, with slashes."""

    path: str
    source: Path
    content: Fingerprint


def read_folder(root: Path) -> list[LocalFile]:
    """Return the files below `root`, sorted by path; a file as `root` stands alone.

    Hidden files and Blender's backups (`.blend1` …) are left out. Linked files are read, linked
    folders are not followed.

    Raises:
        FolderError: there is nothing to hand in, or a file cannot be read or named.
    """
    if root.is_file():
        return [_local(root, root.name)]
    if not root.is_dir():
        raise FolderError(f"{root} is neither a file nor a folder")
    files = [_local(path, path.relative_to(root).as_posix()) for path in _walk(root)]
    if not files:
        raise FolderError(f"{root} holds no files to hand in")
    return sorted(files, key=lambda file: file.path)


def _walk(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if not name.startswith(".")]
        yield from (Path(folder, name) for name in files if _belongs(name))


def _belongs(name: str) -> bool:
    return not name.startswith(".") and not name.endswith(_BACKUPS)


def _local(source: Path, path: str) -> LocalFile:
    try:
        path.encode()
        return LocalFile(path=path, source=source, content=fingerprint(source))
    except UnicodeEncodeError as error:
        raise FolderError(f"{path!r} is not named in UTF-8: rename it") from error
    except OSError as error:
        raise FolderError(f"{source} cannot be read: {error.strerror}") from error

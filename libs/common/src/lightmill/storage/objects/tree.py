"""Files under object names, written whole or not at all.

Content lies under `content/`, media types beside it under `types/`, half-written files under
`incoming/`, so that nobody ever reads half an object. A name cannot at once be an object and
the folder of another. Everything here blocks; the store calls it in threads.
"""

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from lightmill.storage.objects.names import checked
from lightmill.storage.ports import (
    ListedObject,
    ObjectInfo,
    ObjectNotFoundError,
    StoreUnavailableError,
)

_UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Incoming:
    """An object on its way in; it counts once it is accepted."""

    key: str
    file: IO[bytes]
    path: Path


class Tree:
    """The folder and what lies where in it."""

    def __init__(self, root: Path) -> None:
        self._content, self._types = root / "content", root / "types"
        self._incoming = root / "incoming"
        # Between making a folder and moving a file into it, nobody may prune it.
        self._shape = threading.Lock()
        for folder in (self._content, self._types, self._incoming):
            folder.mkdir(parents=True, exist_ok=True)

    def path(self, key: str) -> Path:
        """Return where the content of `key` lies, whether or not it exists."""
        return self._content / checked(key)

    def begin(self, key: str) -> Incoming:
        """Return an empty file for the content of `key`; accept or discard it."""
        checked(key)
        with _writing(key):
            number, name = tempfile.mkstemp(dir=self._incoming)
            return Incoming(key, os.fdopen(number, "wb"), Path(name))

    def write(self, incoming: Incoming, piece: bytes) -> int:
        """Append `piece`; return its length."""
        with _writing(incoming.key):
            return incoming.file.write(piece)

    def accept(self, incoming: Incoming, media_type: str) -> None:
        """Make the file the object; whoever reads sees the old content or the new, whole."""
        with _writing(incoming.key):
            incoming.file.flush()
            os.fsync(incoming.file.fileno())
            incoming.file.close()
            self._set_type(incoming.key, media_type)
            target = self.path(incoming.key)
            self._move(incoming.path, target)
            _sync(target.parent)

    def discard(self, incoming: Incoming) -> None:
        """Delete the file; nothing when it was accepted."""
        with suppress(OSError):
            incoming.file.close()
        incoming.path.unlink(missing_ok=True)

    def open(self, key: str) -> IO[bytes]:
        """Return the content, open for reading.

        Raises:
            ObjectNotFoundError: there is none.
        """
        try:
            return self.path(key).open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise ObjectNotFoundError(key) from error
        except OSError as error:
            raise StoreUnavailableError(f"{key} cannot be read: {error}") from error

    def info(self, key: str) -> ObjectInfo | None:
        """Return what is known of the object, or None when there is none."""
        path = self.path(key)
        if not path.is_file():
            return None
        with suppress(FileNotFoundError):  # deleted since
            size = path.stat().st_size
            return ObjectInfo(key=key, size=size, media_type=self._type(key))
        return None

    def delete(self, key: str) -> None:
        """Delete the object if it exists, and the folders that it leaves empty."""
        for root in (self._content, self._types):
            path = root / checked(key)
            absent = suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError)
            with _writing(key), absent, self._shape:
                path.unlink()
                _prune(path.parent, root)

    def keys(self, prefix: str) -> list[str]:
        """Return the names under `prefix`, sorted as S3 sorts them."""
        start = self._content / prefix.rpartition("/")[0] if "/" in prefix else self._content
        if ".." in prefix.split("/"):
            return []
        folders = os.walk(start)  # those that have gone meanwhile it leaves out
        files = (Path(folder, file) for folder, _, inside in folders for file in inside)
        names = (path.relative_to(self._content).as_posix() for path in files)
        return sorted(name for name in names if name.startswith(prefix))

    def listed(self, prefix: str) -> list[ListedObject]:
        """Return the objects under `prefix` with their sizes and ages."""
        found = []
        for key in self.keys(prefix):
            with suppress(FileNotFoundError):  # deleted since
                status = self.path(key).stat()
                modified = datetime.fromtimestamp(status.st_mtime, UTC)
                found.append(ListedObject(key=key, size=status.st_size, modified=modified))
        return found

    def tidy(self, before: datetime) -> int:
        """Delete what was last written to before then and never accepted; return its bytes."""
        freed = 0
        for path in self._incoming.iterdir():
            with suppress(FileNotFoundError):  # accepted since
                status = path.stat()
                if status.st_mtime < before.timestamp():
                    path.unlink()
                    freed += status.st_size
        return freed

    def _type(self, key: str) -> str:
        with suppress(OSError):
            return (self._types / key).read_text() or _UNKNOWN_TYPE
        return _UNKNOWN_TYPE

    def _set_type(self, key: str, media_type: str) -> None:
        number, name = tempfile.mkstemp(dir=self._incoming)
        with os.fdopen(number, "w") as file:
            file.write(media_type)  # not synced: a power cut may cost the type, never the content
        self._move(Path(name), self._types / key)

    def _move(self, source: Path, target: Path) -> None:
        with self._shape:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)


@contextmanager
def _writing(key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailableError(f"{key} cannot be stored: {error}") from error


def _prune(folder: Path, root: Path) -> None:
    with suppress(OSError):  # not empty, or gone
        while folder != root:
            folder.rmdir()
            folder = folder.parent


def _sync(folder: Path) -> None:
    with suppress(FileNotFoundError):  # pruned since, with the object
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)

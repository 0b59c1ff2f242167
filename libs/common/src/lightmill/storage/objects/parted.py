"""Uploads in parts to a folder: each has a folder of its own until it is joined.

`<root>/parts/<upload id>/` holds `key`, `type`, and one file a part, named by its number.
Everything here blocks; the store calls it in threads.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from lightmill.storage.objects.names import checked
from lightmill.storage.ports import ObjectNotFoundError, StoredPart, StoreUnavailableError

_ID_CHARACTERS = frozenset("0123456789abcdef")
_MOST_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class IncomingPart:
    """A part on its way in; it counts once it is accepted."""

    file: IO[bytes]
    path: Path
    target: Path


class Parted:
    """The uploads in parts below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root / "parts"
        self._root.mkdir(parents=True, exist_ok=True)

    def begin(self, key: str, media_type: str) -> str:
        """Return the id of a new upload."""
        upload_id = secrets.token_hex(16)
        with _writing(key):
            folder = self._root / upload_id
            folder.mkdir()
            (folder / "type").write_text(media_type)
            (folder / "key").write_text(checked(key))
        return upload_id

    def begin_part(self, key: str, upload_id: str, number: int) -> IncomingPart:
        """Return an empty file for a part; accept or discard it.

        Raises:
            ObjectNotFoundError: there is no such upload.
            ValueError: no part has that number.
        """
        if not 1 <= number <= _MOST_PARTS:
            raise ValueError(f"a part has a number from 1 to {_MOST_PARTS}, not {number}")
        folder = self._folder(key, upload_id)
        with _writing(key):
            descriptor, name = tempfile.mkstemp(prefix="incoming.", dir=folder)
        return IncomingPart(os.fdopen(descriptor, "wb"), Path(name), folder / f"{number:05}")

    def write(self, part: IncomingPart, piece: bytes) -> int:
        """Append `piece`; return its length."""
        with _writing(part.target.name):
            return part.file.write(piece)

    def accept(self, part: IncomingPart) -> None:
        """Make the file the part, in place of an earlier one."""
        with _writing(part.target.name):
            part.file.flush()
            os.fsync(part.file.fileno())
            part.file.close()
            part.path.replace(part.target)

    def discard(self, part: IncomingPart) -> None:
        """Delete the file; nothing when it was accepted."""
        with suppress(OSError):
            part.file.close()
        part.path.unlink(missing_ok=True)

    def parts(self, key: str, upload_id: str) -> list[StoredPart]:
        """Return the parts that have arrived, by number."""
        names = sorted(p.name for p in self._folder(key, upload_id).iterdir() if p.name.isdigit())
        return [self._part(key, upload_id, int(name)) for name in names]

    def _part(self, key: str, upload_id: str, number: int) -> StoredPart:
        status = (self._folder(key, upload_id) / f"{number:05}").stat()
        etag = f"{status.st_mtime_ns:x}-{status.st_size:x}"
        return StoredPart(number=number, size=status.st_size, etag=etag)

    def media_type(self, key: str, upload_id: str) -> str:
        """Return what the upload was begun with."""
        return (self._folder(key, upload_id) / "type").read_text()

    def open(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> Iterator[IO[bytes]]:
        """Yield each part, open for reading.

        Raises:
            StoreUnavailableError: one has been replaced since it was listed.
        """
        folder = self._folder(key, upload_id)
        for part in parts:
            with (folder / f"{part.number:05}").open("rb") as file:
                if self._part(key, upload_id, part.number) != part:
                    raise StoreUnavailableError(f"part {part.number} of {key} has just changed")
                yield file

    def drop(self, key: str, upload_id: str) -> None:
        """Delete an upload if it exists."""
        with suppress(ObjectNotFoundError), _writing(key):
            _delete(self._folder(key, upload_id))

    def tidy(self, before: datetime) -> int:
        """Delete uploads to which nothing was added since then; return their bytes."""
        freed = 0
        for folder in self._root.iterdir():
            with suppress(FileNotFoundError):  # joined or dropped since
                statuses = [path.stat() for path in (folder, *folder.iterdir())]
                if max(status.st_mtime for status in statuses) < before.timestamp():
                    freed += sum(status.st_size for status in statuses[1:])
                    _delete(folder)
        return freed

    def _folder(self, key: str, upload_id: str) -> Path:
        checked(key)
        folder = self._root / upload_id
        if not upload_id or not set(upload_id) <= _ID_CHARACTERS:
            raise ObjectNotFoundError(key)
        try:
            known = (folder / "key").read_text()
        except FileNotFoundError as error:
            raise ObjectNotFoundError(key) from error
        if known != key:
            raise ObjectNotFoundError(key)
        return folder


def _delete(folder: Path) -> None:
    (folder / "key").unlink(missing_ok=True)  # first: from here on there is no such upload
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _writing(key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailableError(f"a part of {key} cannot be stored: {error}") from error

"""Writes a text into an image's metadata; not a byte of its pixels changes.

Encoding an image anew would change what a lossy format holds, so the files are extended as their
formats say: PNG (a `tEXt` chunk), JPEG (a comment), TIFF (`ImageDescription`), OpenEXR (an
attribute). OpenImageIO shows them as `Lightmill`, `ImageDescription` and `lightmill`; a comment it
parts at its first colon.
"""

import os
import shutil
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

_PNG_BEGINS = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"
_BEHIND_IHDR = 33
_APP_SEGMENTS = range(0xFFE0, 0xFFF0)
_MOST_HEADER = 2**24
_MULTIPART = 0x1000
_DESCRIPTION, _ASCII = 270, 2
_MOST_ENTRIES = 4096


class NoRoomError(Exception):
    """The file cannot be extended; it is as it was."""


def embed(path: Path, text: str) -> bool:
    """Write `text`, which is ASCII, into the image; tells whether its format has room for it.

    Raises:
        OSError: the disk fails.
    """
    with path.open("rb") as file:
        start = file.read(4)
    write = next((way for magic, way in _WAYS.items() if start.startswith(magic)), None)
    try:
        if write is not None:
            write(path, text.encode("ascii"))
    except (NoRoomError, struct.error):
        return False
    return write is not None


def _into_png(path: Path, text: bytes) -> None:
    """Put a chunk behind the first: many readers look at none that comes after the pixels."""
    content = b"tEXt" + b"Lightmill\0" + text
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    with path.open("rb") as file:
        if file.read(len(_PNG_BEGINS)) != _PNG_BEGINS:
            raise NoRoomError
        _insert(path, file, _BEHIND_IHDR, chunk)


def _into_jpeg(path: Path, text: bytes) -> None:
    """Put a comment behind the first segment, which says that it is a JFIF or Exif file."""
    with path.open("rb") as file:
        file.seek(2)
        marker, length = struct.unpack(">HH", file.read(4))
        end = 4 + length if marker in _APP_SEGMENTS else 2
        _insert(path, file, end, struct.pack(">HH", 0xFFFE, len(text) + 2) + text)


def _into_tiff(path: Path, text: bytes) -> None:
    """Append the first directory anew, with the description in it."""
    with path.open("r+b") as file:
        order = "<" if file.read(2) == b"II" else ">"
        file.seek(4)
        (place,) = struct.unpack(f"{order}I", file.read(4))
        file.seek(place)
        (count,) = struct.unpack(f"{order}H", file.read(2))
        if count > _MOST_ENTRIES:
            raise NoRoomError
        entries = [file.read(12) for _ in range(count)]
        following = file.read(4)
        at = file.seek(0, os.SEEK_END)
        at += file.write(b"\0" * (at % 2))
        words = text + b"\0" * (2 - len(text) % 2)
        described = struct.pack(f"{order}HHII", _DESCRIPTION, _ASCII, len(words), at)
        kept = [one for one in entries if _tag(order, one) != _DESCRIPTION]
        listed = sorted([*kept, described], key=lambda one: _tag(order, one))
        directory = struct.pack(f"{order}H", len(listed)) + b"".join(listed) + following
        where = struct.pack(f"{order}I", at + len(words))
        file.write(words + directory)
        file.seek(4)
        file.write(where)


def _tag(order: str, entry: bytes) -> int:
    (tag,) = struct.unpack_from(f"{order}H", entry)
    return int(tag)


def _into_exr(path: Path, text: bytes) -> None:
    """Put an attribute at the end of the first header, and move every offset behind it."""
    attribute = b"lightmill\0string\0" + struct.pack("<i", len(text)) + text
    with path.open("rb") as file:
        file.seek(4)
        (version,) = struct.unpack("<I", file.read(4))
        header = file.read(_MOST_HEADER)
        first = last = 8 + _end_of_attributes(header, 0)
        while version & _MULTIPART and header[last - 8 + 1 : last - 8 + 2] != b"\0":
            last = 8 + _end_of_attributes(header, last - 8 + 1)
        table = last + (2 if version & _MULTIPART else 1)
        offsets = _offsets(file, table)
        moved = struct.pack(f"<{len(offsets)}Q", *(one + len(attribute) for one in offsets))
        file.seek(first)
        middle = attribute + file.read(table - first) + moved
        _insert(path, file, first, middle, skip=table - first + len(moved))


def _end_of_attributes(header: bytes, place: int) -> int:
    """Return where the null byte stands that ends a header."""
    while header[place : place + 1] != b"\0":
        kind = header.find(b"\0", place) + 1
        size = header.find(b"\0", kind) + 1
        if not 0 < kind < size:
            raise NoRoomError
        (length,) = struct.unpack_from("<i", header, size)
        if length < 0:
            raise NoRoomError
        place = size + 4 + length
    return place


def _offsets(file: BinaryIO, table: int) -> list[int]:
    """Return the offsets of all chunks: the table ends where the first of them begins."""
    end = file.seek(0, os.SEEK_END)
    file.seek(table)
    offsets: list[int] = []
    nearest = end
    while table + 8 * len(offsets) < nearest:
        (offset,) = struct.unpack("<Q", file.read(8))
        nearest = min(nearest, offset)
        offsets.append(offset)
    if table + 8 * len(offsets) != nearest or max(offsets, default=end) >= end:
        raise NoRoomError
    return offsets


def _insert(path: Path, file: BinaryIO, at: int, more: bytes, *, skip: int = 0) -> None:
    """Write the file anew with `more` in it, instead of `skip` bytes from there."""
    aside = path.with_name(path.name + ".embedding")
    try:
        with aside.open("wb") as target:
            file.seek(0)
            target.write(file.read(at))
            target.write(more)
            file.seek(at + skip)
            shutil.copyfileobj(file, target, 2**20)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


_WAYS: Mapping[bytes, Callable[[Path, bytes], None]] = {
    b"\x89PNG": _into_png,
    b"\xff\xd8\xff": _into_jpeg,
    b"II*\0": _into_tiff,
    b"MM\0*": _into_tiff,
    b"v/1\x01": _into_exr,
}

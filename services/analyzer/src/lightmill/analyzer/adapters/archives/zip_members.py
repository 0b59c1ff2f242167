"""What a zip archive holds."""

import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lightmill.analyzer.core.archive import Member, RefusedArchiveError

_KNOWN = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED, _UTF8 = 0x1, 0x800
_UNIX, _REPARSE = 3, 0x400
_LOCAL_HEADER = 30
_BEGIN = (b"PK\x03\x04", b"PK\x05\x06")
_PIECE = 2**20

Pieces = Iterator[bytes]


def members(path: Path) -> Iterator[tuple[Member, Pieces]]:
    """Yield each member and its content, which has to be read before the next.

    Raises:
        RefusedArchiveError: the archive is damaged, locked, or lies about itself.
    """
    with path.open("rb") as file:
        if file.read(4) not in _BEGIN:
            raise RefusedArchiveError("is no zip archive: it begins with something else")
    with _refusing(), zipfile.ZipFile(path) as archive:
        listed = archive.infolist()
        _require_apart(listed, path.stat().st_size)
        for info in listed:
            yield _member(info), _content(archive, info)


@contextmanager
def _refusing() -> Iterator[None]:
    """Say for the person who sent it what the library says of an archive."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise RefusedArchiveError(f"is damaged ({error}); pack it again") from error
    except (NotImplementedError, RuntimeError) as error:
        raise RefusedArchiveError(f"is packed in an unknown way ({error})") from error


def _require_apart(listed: Sequence[zipfile.ZipInfo], end: int) -> None:
    """Refuse members that share bytes: the bomb that needs no layers."""
    after = end
    for info in sorted(listed, key=lambda one: one.header_offset, reverse=True):
        size = _LOCAL_HEADER + len(info.orig_filename) + info.compress_size
        if info.header_offset < 0 or info.header_offset + size > after:
            raise RefusedArchiveError("has members that share their bytes")
        after = info.header_offset


def _member(info: zipfile.ZipInfo) -> Member:
    if info.flag_bits & _ENCRYPTED:
        raise RefusedArchiveError("is locked with a password; pack it without")
    if info.compress_type not in _KNOWN:
        raise RefusedArchiveError(
            f"is packed by method {info.compress_type}; use the usual one (deflate)"
        )
    # The library cuts names at a NUL; what another program would see counts.
    name = _name(info).replace("\\", "/")
    return Member(
        path=name.removesuffix("/"),
        size=info.file_size,
        mode=_mode(info),
        is_folder=name.endswith("/"),
    )


def _name(info: zipfile.ZipInfo) -> str:
    """Return the name; one that is not marked as UTF-8 may be so, or of Chinese Windows."""
    if info.flag_bits & _UTF8:
        return info.orig_filename
    raw = info.orig_filename.encode("cp437")
    for encoding in ("utf-8", "gbk"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.orig_filename


def _mode(info: zipfile.ZipInfo) -> int:
    if info.external_attr & _REPARSE and info.create_system != _UNIX:
        return stat.S_IFLNK
    return info.external_attr >> 16


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Pieces:
    with _refusing(), archive.open(info) as content:
        while piece := content.read(_PIECE):
            yield piece

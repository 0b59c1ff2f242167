"""What a tar archive holds, compressed or not."""

import lzma
import stat
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lightmill.analyzer.core.archive import Member, RefusedArchiveError

_PIECE = 2**20
_DEVICES = {tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK}
_DEVICES |= {tarfile.FIFOTYPE: stat.S_IFIFO}
_BROKEN = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


def members(path: Path) -> Iterator[tuple[Member, Iterator[bytes]]]:
    """Yield each member and its content, which has to be read before the next.

    The archive is read from its begin to its end and never backwards, whatever offsets it gives.

    Raises:
        RefusedArchiveError: the archive is damaged, or lies about itself.
    """
    with _refusing(), tarfile.open(path, mode="r|*", errorlevel=2) as archive:
        for info in archive:
            if not (info.isdir() and info.name in {".", "./"}):
                yield _member(info), _content(archive, info)


@contextmanager
def _refusing() -> Iterator[None]:
    """Say for the person who sent it what the library says of an archive."""
    try:
        yield
    except _BROKEN as error:
        raise RefusedArchiveError(f"is damaged ({error}); pack it again") from error


def _member(info: tarfile.TarInfo) -> Member:
    if info.issparse():
        raise RefusedArchiveError("has files with holes in it; pack it without (no --sparse)")
    return Member(
        path=info.name.removeprefix("./").removesuffix("/"),
        size=0 if info.isdir() else info.size,
        mode=_mode(info),
        is_folder=info.isdir(),
    )


def _mode(info: tarfile.TarInfo) -> int:
    if info.issym() or info.islnk():
        return stat.S_IFLNK
    if info.isreg() or info.isdir():
        return 0
    return _DEVICES.get(info.type, stat.S_IFSOCK)


def _content(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Iterator[bytes]:
    with _refusing():
        content = archive.extractfile(info)
        while content is not None and (piece := content.read(_PIECE)):
            yield piece

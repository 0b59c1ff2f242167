"""What of an archive is let through."""

import stat
from dataclasses import dataclass

from lightmill.domain.bundle_paths import Neighbourhood, path_fault

_BEYOND_DOUBT = 2**26
_SKIPPED = "__MACOSX/"


class RefusedArchiveError(Exception):
    """The archive is not unpacked; the message says why, for the person who sent it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """What may come out of one archive.

    Attributes:
        size: Bytes in all.
        members: Files and folders.
        ratio: Bytes out of one byte in, once it is more than 64 MiB.
    """

    size: int
    members: int = 100_000
    ratio: int = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One entry of an archive, as it says of itself.

    Attributes:
        path: With `/`, without one at its end.
        size: Bytes when unpacked.
        mode: As of `stat`; 0 where the archive does not say.
        is_folder: Whether the archive calls it a folder.
    """

    path: str
    size: int
    mode: int = 0
    is_folder: bool = False


class Gate:
    """Lets members through, one after another, and counts.

    Args:
        limits: Of the archive as a whole.
        packed: Bytes of the archive.
    """

    def __init__(self, limits: ArchiveLimits, packed: int) -> None:
        self._limits = limits
        self._packed = packed
        self._members = 0
        self._size = 0
        self._beside = Neighbourhood()

    def admit(self, member: Member) -> bool:
        """Return whether `member` is to be written; what is only clutter is not.

        Raises:
            RefusedArchiveError: it may not be.
        """
        self._members += 1
        if self._members > self._limits.members:
            raise RefusedArchiveError(f"has more than {self._limits.members} members")
        fault = _kind_fault(member) or path_fault(member.path)
        if fault is not None:
            raise RefusedArchiveError(f"has a member {_shown(member.path)}: {fault}")
        self._require_room(self._size + member.size)
        if member.is_folder or f"{member.path}/".startswith(_SKIPPED):
            return False
        fault = self._beside.fault(member.path)
        if fault is not None:
            raise RefusedArchiveError(f"has members that collide: {_shown(fault)}")
        return True

    def count(self, size: int) -> None:
        """Add bytes that came out.

        Raises:
            RefusedArchiveError: they are too many.
        """
        self._size += size
        self._require_room(self._size)

    def _require_room(self, size: int) -> None:
        if size > self._limits.size:
            raise RefusedArchiveError(f"unpacks to more than {self._limits.size} bytes")
        if size > max(_BEYOND_DOUBT, self._limits.ratio * self._packed):
            raise RefusedArchiveError(
                f"unpacks to more than {self._limits.ratio} times its own size; send the files"
            )


def _kind_fault(member: Member) -> str | None:
    kind = stat.S_IFMT(member.mode)
    if kind == stat.S_IFLNK:
        return "it is a link; send what it points to"
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return "it is a device, a pipe or a socket"
    if member.is_folder and member.size:
        return "it is a folder with content"
    if member.size < 0:
        return "it has less than no bytes"
    return None


def _shown(text: str) -> str:
    """Return a name that can be printed and is not longer than a line."""
    plain = text.encode("unicode_escape").decode() if not text.isprintable() else text
    return plain if len(plain) <= 80 else f"{plain[:77]}..."  # noqa: PLR2004  # a line

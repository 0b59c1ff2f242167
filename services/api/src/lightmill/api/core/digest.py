"""The three hashes of an upload, taken in one pass."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import blake3
import xxhash


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """Hashes of one content.

    Attributes:
        blake3: Hex; what the farm itself goes by.
        md5: Hex; seed 004's `hash`.
        xxh64: Decimal; seed 004's `xxhash`.
        size: Bytes.
    """

    blake3: str
    md5: str
    xxh64: str
    size: int


class Digester:
    """Takes pieces of a content, and gives its hashes at the end."""

    def __init__(self) -> None:
        self._blake3 = blake3.blake3()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._xxh64 = xxhash.xxh64()
        self._size = 0

    def update(self, piece: bytes) -> None:
        """Add the next piece."""
        for take in self.takers:
            take(piece)

    @property
    def takers(self) -> tuple[Callable[[bytes], None], ...]:
        """What `update` calls: each may be called in a thread of its own, the pieces in order."""
        return self._md5.update, self._take_fast

    def _take_fast(self, piece: bytes) -> None:
        # Together they take half as long as MD5 alone.
        self._blake3.update(piece)
        self._xxh64.update(piece)
        self._size += len(piece)

    def digests(self) -> Digests:
        """Return the hashes of everything added so far."""
        return Digests(
            blake3=self._blake3.hexdigest(),
            md5=self._md5.hexdigest(),
            xxh64=str(self._xxh64.intdigest()),
            size=self._size,
        )


def digests_of(content: bytes) -> Digests:
    """Return the hashes of `content`."""
    digester = Digester()
    digester.update(content)
    return digester.digests()

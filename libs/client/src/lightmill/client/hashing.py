"""The three hashes of a file, in one pass over it.

BLAKE3 names content inside the farm; MD5 and xxh64 are what the upload routes speak.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3
from xxhash import xxh64

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What a file holds.

    Attributes:
        size: Bytes.
        md5: Hex.
        xxh64: Decimal.
        blake3: Hex.
    """

    size: int
    md5: str
    xxh64: str
    blake3: str


def fingerprint(path: Path) -> Fingerprint:
    """Return the hashes of the file at `path`, read once."""
    md5, fast, strong = hashlib.md5(usedforsecurity=False), xxh64(), blake3()
    size = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            size += len(piece)
            for digest in (md5, fast, strong):
                digest.update(piece)
    return Fingerprint(
        size=size, md5=md5.hexdigest(), xxh64=str(fast.intdigest()), blake3=strong.hexdigest()
    )

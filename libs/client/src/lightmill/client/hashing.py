"""The BLAKE3 of a file, by which the farm knows its content.

MD5 and xxh64, which the upload routes speak as well, are taken by the farm while it reads.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

_SMALL = 1 << 20
_PIECE = 1 << 20  # stays in a processor's own cache between being read and being hashed


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds: bytes, and their BLAKE3 in hex."""

    size: int
    blake3: str


def content_of(path: Path | str) -> Content:
    """Return what the file at `path` holds, read once.

    Raises:
        OSError: it cannot be read.
    """
    file = os.open(path, os.O_RDONLY)
    try:
        start = os.read(file, _SMALL)
        # A read gives less than it was asked for at the end of a file, and seldom elsewhere.
        rest = os.read(file, 1) if len(start) < _SMALL else b"more"
        if not rest:
            return Content(len(start), blake3(start).hexdigest())
        os.lseek(file, 0, os.SEEK_SET)
        return _long(file)
    finally:
        os.close(file)


def _long(file: int) -> Content:
    """Return what a long file holds; one piece is read while another is hashed, by two threads."""
    digest, size = blake3(max_threads=2), 0
    buffers = [memoryview(bytearray(_PIECE)) for _ in range(2)]
    with ThreadPoolExecutor(1) as reader:
        reading, turn = reader.submit(os.readv, file, [buffers[0]]), 0
        while count := reading.result():
            turn = 1 - turn
            reading = reader.submit(os.readv, file, [buffers[turn]])
            digest.update(buffers[1 - turn][:count])
            size += count
    return Content(size, digest.hexdigest())

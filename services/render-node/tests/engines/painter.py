"""A program such as a user may have: `painter.py FRAME OUTPUT` paints one grey picture."""

import struct
import sys
import zlib
from pathlib import Path


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def main() -> None:
    frame, output = int(sys.argv[1]), Path(sys.argv[2])
    sys.stderr.write(f"painting frame {frame}\n")
    sys.stdout.write('@lightmill {"event": "progress", "share": 0.5}\n')
    rows = (b"\0" + bytes([frame % 256]) * 8) * 8
    header = struct.pack(">2I5B", 8, 8, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    output.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


main()

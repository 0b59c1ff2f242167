"""Writes an invented image for every frame asked for on standard input; a script on its own.

It needs the standard library alone. Each frame's image differs from every other's.
"""
# ruff: noqa: E402  # the other imports are a part of what the process does once it has begun

import time

BEGAN = time.monotonic()

import json
import os
import random
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

MARK = "@lightmill "
TICK = 0.1
Settings = dict[str, Any]


def tell(event: str, **rest: object) -> None:
    """Write one event."""
    print(f"{MARK}{json.dumps({'event': event, **rest})}", flush=True)  # noqa: T201  # the wire


def png(width: int, height: int, frame: int) -> bytes:
    """Return a picture of the frame: a colour of its own, and its number as a row of blocks."""
    colour = bytes((frame * 37 % 256, frame * 91 % 256, frame * 17 % 256))
    plain = b"\0" + colour * width
    ends = [width * (bit + 1) // 32 for bit in range(32)]
    bits = b"".join(
        (b"\xff\xff\xff" if frame >> bit & 1 else b"\0\0\0") * (end - start)
        for bit, (start, end) in enumerate(zip([0, *ends], ends, strict=False))
    )
    rows = (b"\0" + bits) * min(4, height) + plain * max(0, height - 4)
    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(rows, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND")


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """Return one part of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def seconds(settings: Settings, frame: int) -> float:
    """Return how long the frame takes; the same for the same seed and frame."""
    wanted = settings.get("seconds", 0)
    if not isinstance(wanted, list):
        return float(wanted)
    return random.Random(f"{settings.get('seed', 0)}/{frame}").uniform(*wanted)  # noqa: S311  # no secret


def fails(settings: Settings, frame: int, scratch: Path) -> bool:
    """Tell whether this try of the frame has to fail."""
    frames, times = settings.get("fail_frames"), settings.get("fail_times")
    if frame not in (frames or [frame]) or (frames is None and times is None):
        return False
    if times is None:
        return bool(frames)
    counter = scratch / f".failed-{frame}"
    before = counter.stat().st_size if counter.exists() else 0
    with counter.open("ab") as file:
        file.write(b".")
    return before < int(times)


def eat_memory() -> None:
    """Hold more and more memory, up to a gibibyte: whoever should end it may be slow to look."""
    held = [b"x" * 2**24 for _ in range(64)]
    time.sleep(3600)
    held.clear()


LEAKED: list[bytes] = []


def leak() -> None:
    """Hold 32 MiB more than at the frame before."""
    LEAKED.append(b"x" * 2**25)


def spin() -> None:
    """Never end."""
    while True:
        pass


def leave_a_child() -> None:
    """Leave a process that keeps the output open, in a session of its own."""
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)


def multiply() -> None:
    """Start processes that do so too, up to a number that no machine minds."""
    for _ in range(600):
        if os.fork() == 0:
            time.sleep(600)
    time.sleep(600)


def flood() -> None:
    """Print without end, to both outputs."""
    while True:
        os.write(1, b"x" * 999 + b"\n")
        os.write(2, b"y" * 999 + b"\n")


MISBEHAVIOUR = {
    "crash": os.abort,
    "hang": lambda: time.sleep(3600),
    "spin": spin,
    "memory": eat_memory,
    "leak": leak,
    "bomb": multiply,
    "flood": flood,
    "child": leave_a_child,
}
"""What `settings.misbehave` asks for: all that a broken engine does to its node."""


def render(settings: Settings, frame: int, output: Path, scratch: Path) -> None:
    """Take the frame's time and write its image."""
    left = total = seconds(settings, frame)
    MISBEHAVIOUR.get(settings.get("misbehave", ""), lambda: None)()
    while left > 0:
        time.sleep(min(TICK, left))
        left -= TICK
        tell("progress", share=round(1 - max(0.0, left) / total, 3))
    if fails(settings, frame, scratch):
        why = "no licence: " if settings.get("unlicensed") else ""
        tell("failed", kind="engine", detail=f"{why}frame {frame} fails as the settings ask")
        return
    size = size_of(settings, frame)
    output.write_bytes(png(*size, frame))
    wrote = f"wrote {output.name} in a process begun at {BEGAN:.6f}"
    print(wrote, file=sys.stderr, flush=True)  # noqa: T201  # for the log
    tell("rendered", path=str(output))


def size_of(settings: Settings, number: int) -> tuple[int, int]:
    """Return width and height of the picture, or of its tile of that number."""
    width, height = int(settings.get("width", 64)), int(settings.get("height", 36))
    tiles = settings.get("tiles") or {"columns": 1, "rows": 1}
    columns, rows = tiles["columns"], tiles["rows"]
    row, column = divmod(number % (columns * rows), columns)
    return (
        (column + 1) * width // columns - column * width // columns,
        (row + 1) * height // rows - row * height // rows,
    )


def main() -> None:
    """Serve frames until the input ends."""
    launch = json.loads(sys.stdin.readline())
    tell("ready")
    for line in sys.stdin:
        asked = json.loads(line)
        output, scratch = Path(asked["output"]), Path(launch["scratch"])
        render(launch["settings"], asked["frame"], output, scratch)


if __name__ == "__main__":
    main()

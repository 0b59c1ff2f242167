"""The picture that stands for a film: a small JPEG, in a box of the film's own file.

ISO 14496-12 lets anybody add boxes of kind `uuid`; players pass over those that they do not know.
"""

import struct
from pathlib import Path

KIND = b"uuid"
NAME = bytes.fromhex("6c696768746d696c6c706f7374657201")
"""By which the box is known among those of its kind."""

_HEADER = struct.Struct(">I4s16s")


def attach(film: Path, jpeg: bytes) -> None:
    """Put the picture behind everything else in the file."""
    with film.open("ab") as file:
        file.write(_HEADER.pack(_HEADER.size + len(jpeg), KIND, NAME) + jpeg)

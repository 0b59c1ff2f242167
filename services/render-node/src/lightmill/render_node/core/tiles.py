"""A still cut into tiles, so that several nodes render it: each tile counts as a frame.

Tiles are numbered from 1, row by row from the top left. This also runs inside Blender.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_TILES = 10_000


@dataclass(frozen=True, slots=True)
class Box:
    """Pixels of the whole image, from the top left; `right` and `bottom` are not part of it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.right - self.left, self.bottom - self.top


@dataclass(frozen=True, slots=True)
class Tiling:
    """How many tiles stand side by side, and how many below each other; `frame` is the still."""

    columns: int
    rows: int
    frame: int = 1

    def box(self, number: int, width: int, height: int) -> Box:
        """Return what a tile covers of an image of that size.

        Raises:
            ValueError: there is no such tile, or an image is too small for so many.
        """
        if not 1 <= number <= self.columns * self.rows:
            count = self.columns * self.rows
            raise ValueError(f"there is no tile {number}; frames have to be 1-{count}")
        if width < self.columns or height < self.rows:
            raise ValueError(f"{width} x {height} pixels are too few for the tiles")
        row, column = divmod(number - 1, self.columns)
        return Box(
            column * width // self.columns,
            row * height // self.rows,
            (column + 1) * width // self.columns,
            (row + 1) * height // self.rows,
        )


def tiling(settings: Mapping[str, Any]) -> Tiling | None:
    """Return the tiling that a work's settings ask for, if any.

    Raises:
        ValueError: it is none; the message says how to write it.
    """
    asked = settings.get("tiles")
    if asked is None:
        return None
    numbers = [asked.get(key, 1) for key in ("columns", "rows", "frame")] if _table(asked) else []
    columns, rows, frame = [n if type(n) is int else 0 for n in numbers] or (0, 0, 0)
    if not (columns >= 1 and rows >= 1 and columns * rows <= MOST_TILES):
        raise ValueError('tiles are written as {"columns": 2, "rows": 2, "frame": 7}')
    return Tiling(columns, rows, frame)


def _table(asked: object) -> bool:
    return isinstance(asked, Mapping)

"""Frames cut into tiles, so that several nodes render one: each tile counts as a frame.

The tiles of frame f are numbered from f x columns x rows, row by row from the top left. This also
runs inside Blender.
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
    """How many tiles stand side by side, and how many below each other."""

    columns: int
    rows: int

    @property
    def count(self) -> int:
        """How many tiles a frame has."""
        return self.columns * self.rows

    def frame(self, number: int) -> int:
        """Return the frame that the tile of that number is cut from."""
        return number // self.count

    def box(self, number: int, width: int, height: int) -> Box:
        """Return what a tile covers of an image of that size.

        Raises:
            ValueError: an image is too small for so many.
        """
        if width < self.columns or height < self.rows:
            raise ValueError(f"{width} x {height} pixels are too few for the tiles")
        row, column = divmod(number % self.count, self.columns)
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
    numbers = [asked.get(key, 1) for key in ("columns", "rows")] if _table(asked) else []
    columns, rows = [n if type(n) is int else 0 for n in numbers] or (0, 0)
    if not (columns >= 1 and rows >= 1 and columns * rows <= MOST_TILES):
        raise ValueError('tiles are written as {"columns": 2, "rows": 2}')
    return Tiling(columns, rows)


def _table(asked: object) -> bool:
    return isinstance(asked, Mapping)

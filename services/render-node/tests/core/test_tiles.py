"""Tiles cover an image, each pixel once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.render_node.core.naming import image_size
from lightmill.render_node.core.tiles import Tiling, tiling


@given(st.integers(1, 9), st.integers(1, 9), st.integers(9, 99), st.integers(9, 99))
def test_every_pixel_is_in_one_tile(columns: int, rows: int, width: int, height: int) -> None:
    boxes = [
        Tiling(columns, rows).box(number, width, height) for number in range(1, columns * rows + 1)
    ]
    pixels = [
        (x, y)
        for box in boxes
        for x in range(box.left, box.right)
        for y in range(box.top, box.bottom)
    ]
    assert sorted(pixels) == [(x, y) for x in range(width) for y in range(height)]


def test_a_tile_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="frames have to be 1-4"):
        Tiling(2, 2).box(5, 10, 10)
    with pytest.raises(ValueError, match="too few"):
        Tiling(2, 2).box(1, 1, 10)


@pytest.mark.parametrize("asked", ["2x2", 4, {"columns": 0}, {"columns": True}, {"rows": 10**6}])
def test_what_is_no_tiling_is_refused_with_an_example(asked: object) -> None:
    with pytest.raises(ValueError, match=r'written as \{"columns": 2'):
        tiling({"tiles": asked})


def test_a_tile_has_its_own_size() -> None:
    settings = {"width": 5, "height": 4, "tiles": {"columns": 2, "rows": 2}}
    assert image_size(settings, 1) == (2, 2)  # type: ignore[arg-type]  # plain JSON
    assert image_size(settings, 2) == (3, 2)  # type: ignore[arg-type]  # likewise
    assert image_size({"width": 5, "height": 4}, 2) == (5, 4)

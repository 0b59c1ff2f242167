"""Tiles cover an image, each pixel once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.domain.assembly import tile_frames
from lightmill.domain.frames import FrameSet, Run
from lightmill.render_node.core.naming import image_size
from lightmill.render_node.core.tiles import Tiling, tiling


@given(st.integers(1, 9), st.integers(1, 9), st.integers(9, 99), st.integers(9, 99))
def test_every_pixel_is_in_one_tile(columns: int, rows: int, width: int, height: int) -> None:
    boxes = [Tiling(columns, rows).box(number, width, height) for number in range(columns * rows)]
    pixels = [
        (x, y)
        for box in boxes
        for x in range(box.left, box.right)
        for y in range(box.top, box.bottom)
    ]
    assert sorted(pixels) == [(x, y) for x in range(width) for y in range(height)]


@given(st.integers(1, 9), st.integers(1, 9), st.integers(-99, 99))
def test_a_number_tells_the_frame_and_the_tile(columns: int, rows: int, frame: int) -> None:
    """As the api numbers them, so does a node read them."""
    cut = Tiling(columns, rows)
    numbers = list(tile_frames(FrameSet((Run(frame, 1),)), cut.count))
    assert {cut.frame(number) for number in numbers} == {frame}
    size = (9 * columns, 9 * rows)
    assert [cut.box(number, *size) for number in numbers] == [
        cut.box(number, *size) for number in range(cut.count)
    ]


def test_an_image_too_small_for_its_tiles_is_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        Tiling(2, 2).box(1, 1, 10)


@pytest.mark.parametrize("asked", ["2x2", 4, {"columns": 0}, {"columns": True}, {"rows": 10**6}])
def test_what_is_no_tiling_is_refused_with_an_example(asked: object) -> None:
    with pytest.raises(ValueError, match=r'written as \{"columns": 2'):
        tiling({"tiles": asked})


def test_a_tile_has_its_own_size() -> None:
    settings = {"width": 5, "height": 4, "tiles": {"columns": 2, "rows": 2}}
    assert image_size(settings, 0) == (2, 2)  # type: ignore[arg-type]  # plain JSON
    assert image_size(settings, 5) == (3, 2)  # type: ignore[arg-type]  # likewise
    assert image_size({"width": 5, "height": 4}, 2) == (5, 4)

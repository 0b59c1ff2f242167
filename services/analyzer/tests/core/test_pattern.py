import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.analyzer.core.pattern import is_pattern, matcher


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("skin.<UDIM>.exr", "skin.1011.exr"),
        ("skin.<udim>.exr", "skin.1011.exr"),
        ("skin_<UVTILE>.png", "skin_u1_v2.png"),
        ("skin_u<U>_v<V>.png", "skin_u1_v2.png"),
        ("plate.<f>.exr", "plate.0042.exr"),
        ("plate.<f4>.exr", "plate.0042.exr"),
        ("plate.####.exr", "plate.0042.exr"),
        ("plate.%04d.exr", "plate.0042.exr"),
        ("plate.%d.exr", "plate.-3.exr"),
        ("leaf_<attr:kind default:oak>.tx", "leaf_oak.tx"),
        ("smoke*.vdb", "smoke_a_0001.vdb"),
        ("*a*b*", "xaxbx"),
        ("img_0001.png", "img_0240.png"),
        ("v2_img_0001.png", "v2_img_7.png"),
        ("a(1).png", "a(20).png"),
        ("plain.png", "plain.png"),
    ],
)
def test_files_that_belong_to_a_name(name: str, file: str) -> None:
    assert matcher(name)(file)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("skin.<UDIM>.exr", "skin.101.exr"),
        ("skin.<UDIM>.exr", "skin.1011.png"),
        ("plate.####.exr", "plate.exr"),
        ("v2_img_0001.png", "v3_img_0001.png"),
        ("smoke*.vdb", "smoke.abc"),
        ("plain.png", "plainXpng"),
        ("*b*a", "aab"),
    ],
)
def test_files_that_do_not(name: str, file: str) -> None:
    assert not matcher(name)(file)


def test_a_plain_name_is_no_pattern() -> None:
    assert not is_pattern("wood_0001.png")


@given(st.text(alphabet="*a#<>Uf%d0.", max_size=200))
def test_any_name_is_matched_in_no_time(name: str) -> None:
    start = time.process_time()
    matcher(name)("a" * 255)
    assert time.process_time() - start < 1


def test_a_star_a_letter_a_hundred_times_over() -> None:
    assert not matcher("*a" * 100 + "b")("a" * 255)

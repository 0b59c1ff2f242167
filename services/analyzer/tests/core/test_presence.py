import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.analyzer.core.presence import Bundle, place
from lightmill.analyzer.core.reading import Use

PATHS = (
    "scenes/shot.blend",
    "textures/wood.png",
    "tiles/skin.1001.png",
    "tiles/skin.1002.png",
    "tiles/hair.u1_v1.png",
    "sequence/img_0007.png",
    "caches/smoke/data_0001.vdb",
)


def use(path: str, *, sequence: bool = False, referrer: str = "scenes/shot.blend") -> Use:
    return Use(path=path, referrer=referrer, name="a", sequence=sequence)


@pytest.mark.parametrize(
    ("path", "sequence"),
    [
        ("//../textures/wood.png", False),
        ("//./../scenes/../textures/wood.png", False),
        ("//../tiles/skin.<UDIM>.png", True),
        ("//../tiles/skin.<UDIM>.png", False),
        ("//../tiles/hair.<UVTILE>.png", True),
        ("//../tiles/skin.1001.png", True),
        ("//../sequence/img_0001.png", True),
        ("//../caches/smoke", True),
        ("//../caches/smoke/", True),
        ("//../caches/smoke/data_*.vdb", True),
        ("//../caches", True),
    ],
)
def test_what_a_node_finds_is_there(path: str, sequence: bool) -> None:  # noqa: FBT001
    assert Bundle(PATHS).holds(use(path, sequence=sequence))


@pytest.mark.parametrize(
    ("path", "sequence"),
    [
        ("//textures/wood.png", False),
        ("//../textures/Wood.png", False),
        ("//../../textures/wood.png", False),
        ("/textures/wood.png", False),
        ("C:/textures/wood.png", False),
        ("textures/wood.png", False),
        ("//../caches/smoke", False),
        ("//../sequence/img_0001.png", False),
        ("//../sequence/img_0001.jpg", True),
        ("//../sequence/img.png", True),
        ("//../tiles/beard.<UDIM>.png", True),
        ("//../caches/smok*", False),
        ("//../nothing", True),
    ],
)
def test_what_a_node_does_not_find_is_missing(path: str, sequence: bool) -> None:  # noqa: FBT001
    assert not Bundle(PATHS).holds(use(path, sequence=sequence))


def test_paths_of_a_library_are_relative_to_the_library() -> None:
    assert Bundle(PATHS).holds(use("//wood.png", referrer="textures/woods.blend"))


def test_an_absolute_path_is_told_to_be_made_relative() -> None:
    hint = Bundle(PATHS).hint(use("D:/elsewhere/wood.png"))
    assert hint is not None
    assert hint.startswith("textures/wood.png is in the bundle")
    assert "Make Paths Relative" in hint


def test_a_wrong_case_is_told() -> None:
    hint = Bundle(PATHS).hint(use("//../textures/WOOD.png"))
    assert hint is not None
    assert "textures/wood.png" in hint


def test_no_hint_without_a_file_of_that_name() -> None:
    assert Bundle(PATHS).hint(use("//../textures/stone.png")) is None


@given(st.text(alphabet="/.\\aC:*<>U?[(\x00", max_size=30), st.booleans())
def test_any_path_gets_an_answer_inside_the_bundle(path: str, sequence: bool) -> None:  # noqa: FBT001
    bundle = Bundle(PATHS)
    one = use(path, sequence=sequence)
    target = place(one)
    assert target is None or ".." not in target.split("/")
    bundle.holds(one)
    bundle.hint(one)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.analyzer.core.presence import Bundle, place
from lightmill.analyzer.core.reading import Use
from lightmill.domain.path_rules import PathRule

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


def hint(path: str) -> str | None:
    bundle, one = Bundle(PATHS), use(path)
    return bundle.hint(one, bundle.near(one))


def test_an_absolute_path_is_told_to_be_made_relative() -> None:
    told = hint("D:/elsewhere/wood.png")
    assert told is not None
    assert told.startswith("textures/wood.png is in the bundle")
    assert "Make Paths Relative" in told


def test_a_wrong_case_is_told() -> None:
    told = hint("//../textures/WOOD.png")
    assert told is not None
    assert "textures/wood.png" in told


@pytest.mark.parametrize("path", ["//../textures/wood.jpg", "//../textures/woods.png"])
def test_a_name_that_is_nearly_the_same_is_asked_about(path: str) -> None:
    assert hint(path) == "the bundle has textures/wood.png: is that what is meant?"


def test_no_hint_where_nothing_is_alike() -> None:
    assert hint("//../textures/stone.png") is None


PLACES = ("project/maps/wood.png", "textures/wood.png")


def test_the_places_of_other_programs_are_tried_in_their_order() -> None:
    one = Use(path="maps/wood.png", referrer="a.ma", name="file1", places=PLACES)
    assert Bundle(PATHS).found(one) == "textures/wood.png"
    assert Bundle([*PATHS, PLACES[0]]).found(one) == PLACES[0]


@given(st.text(alphabet="/.\\aC:*<>U?[(#%d0\x00", max_size=60), st.booleans())
def test_any_path_gets_an_answer_inside_the_bundle(path: str, sequence: bool) -> None:  # noqa: FBT001
    bundle = Bundle(PATHS)
    one = use(path, sequence=sequence)
    target = place(one)
    assert target is None or ".." not in target.split("/")
    found = bundle.found(one)
    assert found is None or found == target
    bundle.hint(one, bundle.near(one))


RULES = (PathRule(source="P:/wolf", target=""), PathRule(source="/Users/me", target="/mnt/me"))


def test_rules_hold_for_blenders_absolute_paths_as_they_do_on_nodes() -> None:
    bundle = Bundle(PATHS, RULES)
    assert bundle.found(use("P:/Wolf/textures/wood.png")) == "textures/wood.png"
    assert bundle.elsewhere(use("/Users/me/wood.png")) == "/mnt/me/wood.png"
    assert bundle.found(use("P:/other/textures/wood.png")) is None
    assert bundle.elsewhere(use("//Users/me/wood.png")) is None

from lightmill.analyzer.core.near import Neighbours

PATHS = (
    "assets/tree/textures/bark.png",
    "assets/rock/textures/bark.png",
    "textures/Wood_Oak.png",
    "textures/stone.exr",
)


def test_the_file_whose_folders_are_most_alike_comes_first() -> None:
    near = Neighbours(PATHS).of("P:/jobs/tree/textures/Bark.png")
    assert near == ["assets/tree/textures/bark.png", "assets/rock/textures/bark.png"]


def test_the_same_name_with_another_suffix() -> None:
    assert Neighbours(PATHS).of("//stone.tif") == ["textures/stone.exr"]


def test_a_name_that_is_spelled_nearly_so() -> None:
    assert Neighbours(PATHS).of("//wood_oaks.png") == ["textures/Wood_Oak.png"]
    assert Neighbours(PATHS).of("//wood_oaks.png", spelling=False) == []


def test_nothing_is_near_to_nothing() -> None:
    assert Neighbours(PATHS).of("//") == Neighbours(()).of("//wood.png") == []


def test_no_more_than_three_are_told() -> None:
    many = [f"{n}/wood.png" for n in range(100)]
    assert len(Neighbours(many).of("wood.png")) == 3

from lightmill.analyzer.core.outcome import outcome
from lightmill.analyzer.core.reading import SceneReading, Use
from lightmill.domain.path_rules import PathRule, System


def test_the_shape_of_seed_004() -> None:
    uses = [
        Use(path="//wood.jpg", referrer="a.blend", name="wood"),
        Use(path="C:/missing.jpg", referrer="a.blend", name="one"),
        Use(path="C:/missing.jpg", referrer="a.blend", name="two"),
        Use(path="//gone.png", referrer="a.blend", name="three"),
    ]
    reading = SceneReading(scene_info={"renderer": "cycles", "start": 1}, uses=tuple(uses))
    assert outcome(reading, ["a.blend", "wood.jpg", "x/gone.png"]) == {
        "scene_info": {"renderer": "cycles", "start": 1},
        "asset": ["//wood.jpg", "C:/missing.jpg", "//gone.png"],
        "missing": [{"file1": "C:/missing.jpg"}, {"file2": "//gone.png"}],
        "used_by": {
            "C:/missing.jpg": ["a.blend: one", "a.blend: two"],
            "//gone.png": ["a.blend: three"],
        },
        "found": {"//wood.jpg": "wood.jpg"},
        "elsewhere": {},
        "near": {"//gone.png": ["x/gone.png"]},
        "hints": {
            "//gone.png": "the bundle has x/gone.png: folders, and upper and lower case, "
            "count on a node"
        },
    }


def test_a_scene_that_refers_to_nothing() -> None:
    found = outcome(SceneReading(scene_info={}, uses=()), ["a.blend"])
    assert found["asset"] == found["missing"] == []
    assert found["used_by"] == found["near"] == found["hints"] == found["found"] == {}


def test_a_path_that_one_of_two_users_does_not_find_is_missing() -> None:
    uses = (
        Use(path="//wood.jpg", referrer="a.blend", name="one"),
        Use(path="//wood.jpg", referrer="libs/b.blend", name="two"),
    )
    found = outcome(SceneReading(scene_info={}, uses=uses), ["a.blend", "wood.jpg"])
    assert found["missing"] == [{"file1": "//wood.jpg"}]


def test_rules_say_where_nodes_find_absolute_paths() -> None:
    rules = [
        PathRule(source="C:\\jobs\\wolf", target=""),
        PathRule(source="/mnt/library", target="/studio/library", system=System.LINUX),
    ]
    paths = ("C:/jobs/wolf/wood.jpg", "C:/jobs/wolf/gone.jpg", "/mnt/library/oak.jpg")
    uses = tuple(Use(path=path, referrer="a.ma", name="file", places=()) for path in paths)
    found = outcome(SceneReading(scene_info={}, uses=uses), ["a.ma", "wood.jpg"], rules)
    assert found["found"] == {"C:/jobs/wolf/wood.jpg": "wood.jpg"}
    assert found["elsewhere"] == {"/mnt/library/oak.jpg": "/studio/library/oak.jpg"}
    assert found["missing"] == [{"file1": "C:/jobs/wolf/gone.jpg"}]

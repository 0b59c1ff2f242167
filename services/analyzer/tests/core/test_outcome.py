from lightmill.analyzer.core.outcome import outcome
from lightmill.analyzer.core.reading import SceneReading, Use


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
        "hints": {
            "//gone.png": "the bundle has x/gone.png: folders, and upper and lower case, "
            "count on a node"
        },
    }


def test_a_scene_that_refers_to_nothing() -> None:
    found = outcome(SceneReading(scene_info={}, uses=()), ["a.blend"])
    assert found == {"scene_info": {}, "asset": [], "missing": [], "used_by": {}, "hints": {}}

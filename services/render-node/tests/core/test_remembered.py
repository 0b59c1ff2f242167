from lightmill.render_node.core.remembered import Remembered


def test_the_oldest_name_is_dropped_first() -> None:
    names = Remembered(["a", "b", "c"], limit=3)
    names.add("a")
    names.add("d")
    assert list(names) == ["c", "a", "d"]
    assert "b" not in names

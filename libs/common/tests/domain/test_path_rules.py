"""A path under the names that other machines have for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.domain.absolute_paths import is_absolute
from lightmill.domain.path_rules import PathRule, System, translated

RULES = (
    PathRule(source="P:\\", target="/mnt/p"),
    PathRule(source="P:\\wolf", target="/mnt/fast/wolf/", system=System.LINUX),
    PathRule(source="P:\\wolf", target="Z:\\wolf", system=System.WINDOWS),
    PathRule(source="\\\\nas\\jobs", target="/mnt/jobs"),
    PathRule(source="/Volumes/jobs", target="/mnt/jobs"),
    PathRule(source="C:/Users/me/wolf", target=""),
)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("P:\\wolf\\tex\\a.png", "/mnt/fast/wolf/tex/a.png"),
        ("p:/WOLF/tex/a.png", "/mnt/fast/wolf/tex/a.png"),
        ("P:/wolfhound/a.png", "/mnt/p/wolfhound/a.png"),
        ("P:/a.png", "/mnt/p/a.png"),
        ("//NAS/jobs/a.png", "/mnt/jobs/a.png"),
        ("/Volumes/jobs/a.png", "/mnt/jobs/a.png"),
        ("/volumes/jobs/a.png", None),
        ("C:/Users/me/wolf/tex/a.png", "tex/a.png"),
        ("C:/Users/me/wolf", ""),
        ("D:/a.png", None),
        ("P/wolf/a.png", None),
        ("tex/a.png", None),
    ],
)
def test_the_longest_rule_wins_and_ends_between_folders(path: str, found: str | None) -> None:
    assert translated(path, RULES, System.LINUX) == found


def test_rules_of_another_system_do_not_count() -> None:
    assert translated("P:/wolf/a.png", RULES, System.WINDOWS) == "Z:/wolf/a.png"
    assert translated("P:/wolf/a.png", RULES, System.MACOS) == "/mnt/p/wolf/a.png"


def test_the_order_of_rules_does_not_count() -> None:
    for path in ("P:/wolf/a", "P:/a", "C:/Users/me/wolf/a"):
        backwards = translated(path, RULES[::-1], System.LINUX)
        assert backwards == translated(path, RULES, System.LINUX)


FOLDERS = st.lists(st.text("abAB. ", min_size=1, max_size=4), min_size=1, max_size=4)


@given(FOLDERS, FOLDERS)
def test_what_stands_below_a_source_stands_below_its_target(
    top: list[str], rest: list[str]
) -> None:
    source, below = "/" + "/".join(top), "/".join(rest)
    found = translated(f"{source}/{below}", [PathRule(source=source, target="/t")], System.LINUX)
    assert found == f"/t/{below}"


@given(st.text("PC:/\\ab.", max_size=20))
def test_any_path_gets_an_answer(path: str) -> None:
    found = translated(path, RULES, System.LINUX)
    assert found is None or is_absolute(path.replace("\\", "/"))

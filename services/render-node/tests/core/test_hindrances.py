"""When a node had better take no work."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lightmill.domain.hours import hours_of
from lightmill.render_node.core.hindrances import Conditions, Judgement, Rules

WELL = Conditions(
    at=datetime(2026, 11, 23, 12, tzinfo=UTC), free_disk=10**10, hottest=60.0, others=0.1
)
RULES = Rules(hours=hours_of("mon-fri 8:00-18:00"), disk_floor=10**9, hottest=90.0, busy_share=0.5)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, ()),
        ({"paused": "I am at it"}, ("paused: I am at it",)),
        ({"paused": ""}, ("paused",)),
        (
            {"at": datetime(2026, 11, 22, 12, tzinfo=UTC)},
            ("outside its hours (mon-fri 8:00-18:00)",),
        ),
        ({"free_disk": 10**8}, ("less than 1 GB of disk free",)),
        ({"hottest": 90.0}, ("too hot (90 °C)",)),
        ({"hottest": None}, ()),
        ({"others": 0.5}, ("in use by others",)),
        ({"others": None}, ()),
    ],
)
def test_each_hindrance_has_its_words(change: dict[str, object], told: tuple[str, ...]) -> None:
    assert Judgement(RULES)(replace(WELL, **change)) == told  # type: ignore[arg-type]  # as listed


def test_what_is_over_by_a_little_is_not_over_yet() -> None:
    judge = Judgement(RULES)
    told = [bool(judge(replace(WELL, hottest=degrees))) for degrees in (89, 90, 86, 84.9, 86)]
    assert told == [False, True, True, False, False]
    told = [bool(judge(replace(WELL, others=share))) for share in (0.4, 0.6, 0.4, 0.3, 0.4)]
    assert told == [False, True, True, False, False]


def test_all_reasons_are_told() -> None:
    assert len(Judgement(RULES)(replace(WELL, paused="", free_disk=0, hottest=99, others=1))) == 4

"""Which hours of the week a text means."""

from datetime import UTC, datetime, timedelta

import pytest

from lightmill.domain.hours import hours_of

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("mon 8:00-18:00", [at(0, 8), at(0, 17, 59)], [at(0, 7, 59), at(0, 18), at(1, 9)]),
        ("mon-fri 19:00-07:00", [at(0, 19), at(1, 6, 59), at(5, 6)], [at(0, 6), at(5, 20)]),
        ("sat-sun", [at(5, 0), at(6, 23, 59)], [at(4, 23, 59), at(0, 0)]),
        ("sun 22:00-06:00", [at(6, 23), at(0, 5)], [at(0, 6), at(6, 21)]),
        ("fri-mon", [at(4, 1), at(6, 1), at(0, 23)], [at(1, 0), at(3, 23)]),
        ("daily 12:00-13:00, Sat", [at(2, 12), at(5, 3)], [at(2, 13), at(6, 3)]),
    ],
)
def test_hours_open_and_close(text: str, inside: list[datetime], outside: list[datetime]) -> None:
    hours = hours_of(text)
    assert [moment for moment in inside if not hours.open_at(moment)] == []
    assert [moment for moment in outside if hours.open_at(moment)] == []


def test_no_hours_are_all_hours() -> None:
    assert hours_of("").open_at(at(3, 4))


@pytest.mark.parametrize("text", ["noon", "mon 8-18", "mon 25:00-26:00", "mon 8:61-9:00", "mo"])
def test_what_is_not_understood_says_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"mon-fri 19:00-07:00|no time of a day"):
        hours_of(text)

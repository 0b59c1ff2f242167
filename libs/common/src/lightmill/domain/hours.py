"""The hours of the week in which a node takes work."""

import re
from dataclasses import dataclass
from datetime import datetime

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60
_WEEK = 7 * _DAY
_ENTRY = re.compile(
    rf"(?P<first>{'|'.join(_DAYS)}|daily)(-(?P<last>{'|'.join(_DAYS)}))?"
    r"( +(?P<from>\d\d?:\d\d)-(?P<to>\d\d?:\d\d))?"
)


@dataclass(frozen=True, slots=True)
class Hours:
    """Spans of the week; none at all means always.

    Attributes:
        text: As a person wrote them.
        spans: Minutes from Monday's midnight, and how many from there; may run into the next week.
    """

    text: str = ""
    spans: tuple[tuple[int, int], ...] = ()

    def open_at(self, when: datetime) -> bool:
        """Tell whether the machine's local time `when` lies within."""
        minute = when.weekday() * _DAY + when.hour * 60 + when.minute
        return not self.spans or any((minute - at) % _WEEK < length for at, length in self.spans)


def hours_of(text: str) -> Hours:
    """Return the hours that a person wrote, such as `mon-fri 19:00-07:00, sat-sun`.

    A span over midnight belongs to the day on which it begins; a day without times is all of it.

    Raises:
        ValueError: the text is not understood.
    """
    entries = [entry.strip().lower() for entry in text.split(",") if entry.strip()]
    return Hours(text, tuple(span for entry in entries for span in _spans(entry)))


def _spans(entry: str) -> list[tuple[int, int]]:
    found = _ENTRY.fullmatch(entry)
    if found is None:
        raise ValueError(f"hours are written like 'mon-fri 19:00-07:00, sat-sun', not {entry!r}")
    begin, end = _minute(found["from"] or "0:00"), _minute(found["to"] or "24:00")
    length = (end - begin) % _DAY or _DAY
    return [(day * _DAY + begin, length) for day in _days(found["first"], found["last"])]


def _days(first: str, last: str | None) -> list[int]:
    if first == "daily":
        return list(range(7))
    begin = _DAYS.index(first)
    end = begin if last is None else _DAYS.index(last)
    return [(begin + step) % 7 for step in range((end - begin) % 7 + 1)]


def _minute(time: str) -> int:
    hour, minute = map(int, time.split(":"))
    if hour * 60 + minute > _DAY or minute >= 60:  # noqa: PLR2004  # of an hour
        raise ValueError(f"{time} is no time of a day")
    return hour * 60 + minute

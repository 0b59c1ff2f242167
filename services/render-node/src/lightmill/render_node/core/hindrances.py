"""Why a node takes no work at present."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from lightmill.domain.hours import Hours

_COOLER = 5.0
"""Degrees below the limit at which work is taken again."""
_CALMER = 0.7
"""Share of the limit below which others must fall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What the machine is like just now.

    Attributes:
        at: Local time.
        paused: What a person said who wants no work here; None: nobody did.
        free_disk: Bytes, where the workspaces are.
        hottest: Degrees Celsius of the hottest part; None where there is no sensor.
        others: Share of the processors that work which is not the node's uses, 0 to 1; None
            where nobody looked.
    """

    at: datetime
    paused: str | None = None
    free_disk: int = 0
    hottest: float | None = None
    others: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the node's settings say; see `NodeSettings`."""

    hours: Hours = field(default_factory=Hours)
    disk_floor: int = 0
    hottest: float = 95.0
    busy_share: float | None = None


class Judgement:
    """Whether the node takes work; what is over by a little only is not over yet.

    The reasons have no measured figures in them: they are told to the farm when they change.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._hot = False
        self._busy = False

    def __call__(self, now: Conditions) -> tuple[str, ...]:
        """Return every reason against taking work, in words; none means go on."""
        return tuple(self._reasons(now))

    def _reasons(self, now: Conditions) -> Iterator[str]:
        rules = self._rules
        if now.paused is not None:
            yield f"paused: {now.paused}" if now.paused else "paused"
        if not rules.hours.open_at(now.at):
            yield f"outside its hours ({rules.hours.text})"
        if now.free_disk < rules.disk_floor:
            yield f"less than {rules.disk_floor / 1e9:g} GB of disk free"
        if now.hottest is not None:
            self._hot = now.hottest >= rules.hottest - (_COOLER if self._hot else 0.0)
            if self._hot:
                yield f"too hot ({rules.hottest:g} °C)"
        if rules.busy_share is not None and now.others is not None:
            self._busy = now.others >= rules.busy_share * (_CALMER if self._busy else 1.0)
            if self._busy:
                yield "in use by others"

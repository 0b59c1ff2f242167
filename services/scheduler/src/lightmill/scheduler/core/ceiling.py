"""How many tasks may run at once: a ceiling that follows the length of the queue (seed 003)."""

from dataclasses import dataclass, field

from lightmill.domain.policy import Scaling

STANDARD = Scaling()
"""Of ordinary sub-tasks, as seed 003 has it."""

LUMINA = Scaling(initial=2, step=2, up_interval=120.0)
"""Of remote renders, as seed 003 has it; what it leaves out is as for the others."""

CHECKED_EVERY = 10.0
"""Seconds between two looks at the queue."""


@dataclass(slots=True)
class Ceiling:
    """A number of tasks that goes up and down with what waits.

    Attributes:
        since: Seconds on the clock that `adjust` is given; both intervals begin to run there.
        current: As many tasks may run at once now.
    """

    scaling: Scaling
    since: float
    current: int = field(init=False)
    _raised_at: float = field(init=False)
    _lowered_at: float = field(init=False)
    _checked_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.current = self.scaling.initial
        self._raised_at = self._lowered_at = self._checked_at = self.since

    def adjust(self, pending: int, now_seconds: float) -> int:
        """Look at the queue, unless that was done less than 10 s ago; return what holds now.

        Up by a step while more than twice as much waits as may run, down by one while less than
        half as much does, between `initial` and `maximum`, each after its own interval.
        """
        self._follow(now_seconds)
        if now_seconds - self._checked_at < CHECKED_EVERY:
            return self.current
        self._checked_at = now_seconds
        scaling = self.scaling
        if pending > 2 * self.current and now_seconds - self._raised_at >= scaling.up_interval:
            self._raise(now_seconds)
        elif (
            pending < self.current / 2 and now_seconds - self._lowered_at >= scaling.down_interval
        ):
            self._lower(now_seconds)
        return self.current

    def reform(self, scaling: Scaling) -> None:
        """Go on under other figures; what may run now moves no further than they demand."""
        self.scaling = scaling
        self.current = max(scaling.initial, min(self.current, scaling.maximum))

    def _raise(self, now: float) -> None:
        if self.current < self.scaling.maximum:
            self.current = min(self.current + self.scaling.step, self.scaling.maximum)
            self._raised_at = now

    def _lower(self, now: float) -> None:
        if self.current > self.scaling.initial:
            self.current = max(self.current - self.scaling.step, self.scaling.initial)
            self._lowered_at = now

    def _follow(self, now: float) -> None:
        """Let a clock that was set back stop nothing for longer than an interval."""
        self._raised_at = min(self._raised_at, now)
        self._lowered_at = min(self._lowered_at, now)
        self._checked_at = min(self._checked_at, now)

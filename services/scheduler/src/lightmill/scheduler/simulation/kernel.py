"""One thread, one seed, one invented clock: everything in a simulated farm happens here."""

import heapq
from collections.abc import Callable, Coroutine, Generator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

START = datetime(2026, 1, 1, tzinfo=UTC)

Call = Callable[..., object]


class Kernel:
    """What is to happen, in the order of invented time, and of being asked for within it."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed)  # noqa: S311  # drawn to be repeated, not to be secret
        self.seconds = 0.0
        self.events = 0
        self._agenda: list[tuple[float, int, Call, tuple[object, ...]]] = []
        self._asked = 0

    def at(self, seconds: float, call: Call, *arguments: object) -> None:
        """Have `call` happen at a moment; never before now."""
        self._asked += 1
        moment = max(seconds, self.seconds)
        heapq.heappush(self._agenda, (moment, self._asked, call, arguments))

    def later(self, delay: float, call: Call, *arguments: object) -> None:
        """Have `call` happen after `delay` seconds."""
        self.at(self.seconds + delay, call, *arguments)

    def run(self, until: float) -> None:
        """Let everything happen that is to happen before `until`."""
        agenda = self._agenda
        while agenda and agenda[0][0] <= until:
            self.seconds, _, call, arguments = heapq.heappop(agenda)
            self.events += 1
            call(*arguments)
        self.seconds = until

    def draw(self, span: tuple[float, float]) -> float:
        """Return a number between the two."""
        return span[0] + (span[1] - span[0]) * self.random.random()

    def chance(self, share: float) -> bool:
        """Return whether something happens that happens in this share of cases."""
        return share > 0 and self.random.random() < share


class Clock:
    """The clock of one machine: invented time, and how far that machine is off."""

    def __init__(self, kernel: Kernel, skew: float = 0.0) -> None:
        self._kernel = kernel
        self.skew = skew

    def now(self) -> datetime:
        """Return the moment as this machine believes it to be."""
        return START + timedelta(seconds=self._kernel.seconds + self.skew)

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""
        return self._kernel.seconds


class Pause:
    """Suspends a coroutine for invented seconds; the one thing that a simulated coroutine awaits.

    A process may be frozen or killed in a pause, and nowhere else.
    """

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __await__(self) -> Generator[float, None, None]:
        yield self.seconds


class Process:
    """What crashes and freezes as one: its timers and coroutines.

    A kill drops them all; while it is frozen they wait, and happen in their order afterwards.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.frozen_until = 0.0
        self._life = 0

    @property
    def frozen(self) -> bool:
        """Whether it does nothing at the moment."""
        return self.kernel.seconds < self.frozen_until

    def later(self, delay: float, call: Call, *arguments: object) -> None:
        """Have `call` happen in this process, unless it is killed before."""
        self.kernel.later(delay, self._happen, self._life, call, arguments)

    def hand(self, call: Call, *arguments: object) -> None:
        """Have `call` happen at once, or when the process is no longer frozen."""
        if self.kernel.seconds < self.frozen_until:
            self.later(0.0, call, *arguments)
        else:
            call(*arguments)

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine that awaits nothing but pauses."""
        self._step(coroutine)

    def kill(self) -> None:
        """Drop everything that was to happen in it."""
        self._life += 1
        self.frozen_until = 0.0

    def freeze(self, seconds: float) -> None:
        """Let it do nothing for a while."""
        self.frozen_until = max(self.frozen_until, self.kernel.seconds + seconds)

    def _happen(self, life: int, call: Call, arguments: tuple[object, ...]) -> None:
        if life != self._life:
            return
        if self.kernel.seconds < self.frozen_until:
            self.kernel.at(self.frozen_until, self._happen, life, call, arguments)
            return
        call(*arguments)

    def _step(self, coroutine: Coroutine[Any, Any, None]) -> None:
        try:
            delay = coroutine.send(None)
        except StopIteration:
            return
        self.later(delay, self._step, coroutine)

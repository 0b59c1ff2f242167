"""Many nights, told in one table, and the hunt for mutants."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

from lightmill.scheduler.simulation.crew import Crew
from lightmill.scheduler.simulation.mutants import MUTANTS, Catch, hunt
from lightmill.scheduler.simulation.night import Night, Outcome
from lightmill.scheduler.simulation.scenario import load, names

HOUR = "hour"
"""The scenario that measures; it is run once."""


@dataclass(frozen=True, slots=True)
class Wait:
    """How long some jobs waited for their first frame to begin, in seconds."""

    jobs: int
    median: float
    longest: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Wait":
        """Return what these waits come to."""
        if not seconds:
            return cls(0, 0.0, 0.0)
        return cls(len(seconds), round(median(seconds), 3), round(max(seconds), 3))


@dataclass(kw_only=True)
class Sum:
    """What the nights of one scenario came to.

    Attributes:
        waits: By user, the seconds that each of its jobs waited for its first frame to begin.
        failures: Failed attempts by kind, where there is a policy.
        broken: (seed, what) of nights that broke a law.
        cpu_seconds: Measured; the one thing here that differs from run to run.
    """

    scenario: str
    farms: int = 0
    jobs: int = 0
    frames: int = 0
    attempts: int = 0
    lost: int = 0
    faults: int = 0
    terms: int = 0
    commits: int = 0
    decisions: int = 0
    messages: int = 0
    events: int = 0
    virtual_seconds: float = 0.0
    utilisation: float = 0.0
    over_bound: float = 0.0
    waits: dict[str, list[float]] = field(default_factory=dict)
    fair_beats: int = 0
    even: float = 0.0
    quarantines: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[str, str]] = field(default_factory=list)
    cpu_seconds: float = 0.0

    def add(self, night: Outcome) -> None:
        """Take in one night."""
        self.farms += 1
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(night, name))
        self.virtual_seconds = round(self.virtual_seconds + night.virtual_seconds, 3)
        share = 1 / self.farms
        self.utilisation += (night.utilisation - self.utilisation) * share
        bound = night.makespan / night.lower_bound if night.lower_bound else 1.0
        self.over_bound += (bound - self.over_bound) * share
        self._add_users(night)
        self.failures.update(night.failures)
        if night.broken is not None:
            self.broken.append((night.seed, night.broken))

    @property
    def jain(self) -> float | None:
        """Return the index of fairness over every beat in which users were backlogged."""
        return round(self.even / self.fair_beats, 4) if self.fair_beats else None

    def wait(self, *users: str) -> Wait:
        """Return how long the jobs of these users waited, or of all."""
        chosen = users or tuple(self.waits)
        return Wait.of([seconds for user in chosen for seconds in self.waits[user]])

    def _add_users(self, night: Outcome) -> None:
        for user, seconds in night.waits.items():
            self.waits.setdefault(user, []).extend(seconds)
        if night.jain is not None:
            self.fair_beats += night.fair_beats
            self.even += night.jain * night.fair_beats

    def as_dict(self) -> dict[str, object]:
        """Return for JSON what is the same whenever the seed is."""
        counts: dict[str, object] = {name: getattr(self, name) for name in _COUNTS}
        return {
            "farms": self.farms,
            **counts,
            "virtual_seconds": self.virtual_seconds,
            "utilisation": round(self.utilisation, 4),
            "makespan_over_bound": round(self.over_bound, 4),
            "wait_seconds": {user: asdict(self.wait(user)) for user in sorted(self.waits)},
            "jain": self.jain,
            "failures": dict(sorted(self.failures.items())),
            "broken": [{"seed": seed, "law": what} for seed, what in self.broken],
        }


_COUNTS = (
    "jobs",
    "frames",
    "attempts",
    "lost",
    "faults",
    "terms",
    "commits",
    "decisions",
    "messages",
    "quarantines",
    "events",
)


def storms() -> list[str]:
    """Return the scenarios that farms are drawn from."""
    return [name for name in names() if name != HOUR]


def survey(seed: str, farms: int, crew: Crew) -> Iterator[Sum]:
    """Yield what each scenario came to, the farms shared out evenly among them, then the hour."""
    chosen = storms()
    for place, name in enumerate(chosen):
        share = farms // len(chosen) + (place < farms % len(chosen))
        yield nights(name, [f"{seed}.{number}" for number in range(share)], crew)
    yield nights(HOUR, [seed], crew)


def nights(name: str, seeds: Sequence[str], crew: Crew) -> Sum:
    """Return what these nights of one scenario came to."""
    found = Sum(scenario=name)
    for outcome, seconds in crew(_night, [(name, seed) for seed in seeds]):
        found.add(outcome)
        found.cpu_seconds += seconds
    return found


def catches(seed: str, crew: Crew) -> Iterator[Catch]:
    """Yield for every mutant how long it took to find it."""
    yield from crew(_hunt, [(number, seed) for number in range(len(MUTANTS))])


def _night(name: str, seed: str) -> tuple[Outcome, float]:
    began = time.process_time()
    outcome = Night(load(name), seed).run()
    return outcome, time.process_time() - began


def _hunt(number: int, seed: str) -> Catch:
    return hunt(MUTANTS[number], seed)

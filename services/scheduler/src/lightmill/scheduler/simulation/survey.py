"""Many nights, told in one table, and the hunt for mutants."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lightmill.scheduler.simulation.crew import Crew
from lightmill.scheduler.simulation.mutants import MUTANTS, Catch, hunt
from lightmill.scheduler.simulation.night import Night, Outcome
from lightmill.scheduler.simulation.scenario import load, names

HOUR = "hour"
"""The scenario that measures; it is run once."""


@dataclass(kw_only=True)
class Sum:
    """What the nights of one scenario came to.

    Attributes:
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
        if night.broken is not None:
            self.broken.append((night.seed, night.broken))

    def as_dict(self) -> dict[str, object]:
        """Return for JSON what is the same whenever the seed is."""
        counts: dict[str, object] = {name: getattr(self, name) for name in _COUNTS}
        return {
            "farms": self.farms,
            **counts,
            "virtual_seconds": self.virtual_seconds,
            "utilisation": round(self.utilisation, 4),
            "makespan_over_bound": round(self.over_bound, 4),
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

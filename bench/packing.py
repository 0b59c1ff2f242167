"""How well work is packed and shared: the last end against the best that is possible.

Three seeded mixes, all of it asked for at once: many small jobs; unequal memory with GPU
islands; a heavy tail. The scheduler's core on an invented clock, against first-fit and best-fit
in the order of coming, which know nothing of users, in the same run. The bound is that of the
configuration program (`deciding/bound.py`): machines that can do all of a mix's wide work and all
of its GPU work cannot do both at once.
"""

import heapq
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from statistics import median

from deciding.machine import Machine
from deciding.mixes import ENGINE, MIXES, Mix
from deciding.plain import best_fit, first_fit, makespan

from lightmill.domain.frames import FrameSet
from lightmill.domain.job import JobSpec, StepSpec, Wanted, Work
from lightmill.messages.orders import Assignment
from lightmill.scheduler.core.facts import BeatPassed, Fact, JobAsked
from lightmill.scheduler.core.farm import Farm

SEEDS = (1, 2, 3, 4, 5)
_START = datetime(2026, 1, 1, tzinfo=UTC)
_BEATS = 400
"""In the time that no schedule can beat: frequent beside the frames."""


@dataclass(slots=True)
class Night:
    """A farm without faults that is asked for everything at once.

    Attributes:
        jain: Jain's index of what users with waiting frames got, each stretch in which the same
            users wait weighed by its length.
    """

    mix: Mix
    farm: Farm
    machines: list[Machine]
    beat: float
    seconds: float = 0.0
    _ends: list[tuple[float, int, Machine, str]] = field(default_factory=list)
    _begun: int = 0
    _got: dict[str, float] = field(default_factory=dict)
    _holds: dict[str, list[float]] = field(default_factory=dict)
    _waiting: frozenset[str] = frozenset()
    _since: float = 0.0
    _fair: list[tuple[float, float]] = field(default_factory=list)

    def run(self) -> float:
        """Return when the last frame ended."""
        self._turn([self._asked(n) for n in range(len(self.mix.orders))])
        self._turn([machine.report() for machine in self.machines])
        beat = self.beat
        while self._ends:
            self._pass(min(self._ends[0][0], beat))
            if self.seconds == beat:
                beat += self.beat
                self._turn([BeatPassed(), *(machine.report() for machine in self.machines)])
            ended = {}
            while self._ends and self._ends[0][0] == self.seconds:
                _, _, machine, attempt_id = heapq.heappop(self._ends)
                if attempt_id in machine.running:
                    order = machine.running[attempt_id]
                    self._hold(order, -1)
                    machine.end(attempt_id, self._time(order) / len(order.frames))
                    ended[machine.id] = machine
            self._turn(self._reports(ended.values()))
        if list(self.farm.jobs):
            raise SystemExit(f"{self.mix.name}: the farm stands still and jobs are left")
        return self.seconds

    @property
    def jain(self) -> float:
        """Return the index."""
        length = sum(seconds for seconds, _ in self._fair)
        return sum(seconds * index for seconds, index in self._fair) / length if length else 1.0

    def _reports(self, machines: Iterable[Machine]) -> list[Fact]:
        facts: list[Fact] = []
        for machine in machines:
            self._begin(machine)
            facts.append(machine.report())
        return facts

    def _turn(self, facts: Iterable[Fact]) -> None:
        now = _START + timedelta(seconds=self.seconds)
        for fact in facts:
            self.farm.observe(fact, now)
        self.farm.plan(now)
        changes = self.farm.take_changes()
        self.farm.left(changes.born, 0)
        for (node_id, _), letter in changes.letters.items():
            machine = self.machines[int(node_id)]
            for attempt_id in machine.obey(letter):
                raise SystemExit(f"{attempt_id} was called off, and nobody asked for that")
            self._begin(machine)
        self._look()

    def _begin(self, machine: Machine) -> None:
        for order in machine.begin():
            self._begun += 1
            self._hold(order, 1)
            end = self.seconds + self._time(order)
            heapq.heappush(self._ends, (end, self._begun, machine, order.attempt_id))

    def _time(self, order: Assignment) -> float:
        seconds = self.mix.orders[int(order.job_id)].seconds
        return sum(seconds[frame.ordinal] for frame in order.frames)

    def _hold(self, order: Assignment, sign: int) -> None:
        held = self._holds.setdefault(self._user(order.job_id), [0.0, 0.0, 0.0])
        for place, taken in enumerate((order.cores, order.ram, len(order.gpus))):
            held[place] += sign * taken

    def _user(self, job_id: str) -> str:
        return self.mix.orders[int(job_id)].user

    def _pass(self, until: float) -> None:
        """Let time pass, in which everybody holds what they hold."""
        total = self._total()
        for user, held in self._holds.items():
            share = max(part / all_ for part, all_ in zip(held, total, strict=True) if all_)
            self._got[user] = self._got.get(user, 0.0) + share * (until - self.seconds)
        self.seconds = until

    def _total(self) -> tuple[float, float, float]:
        offers = self.mix.offers
        gpus = sum(len(offer.gpus) for offer in offers)
        return sum(o.cores for o in offers), sum(o.ram for o in offers), gpus

    def _look(self) -> None:
        """Begin another stretch when other users wait than before."""
        waiting = frozenset(
            self._user(job.id)
            for job in self.farm.jobs
            if any(len(step.waiting) for step in job.steps)
        )
        if waiting == self._waiting:
            return
        length = self.seconds - self._since
        if length > 0 and len(self._waiting) > 1:
            self._fair.append((length, _jain([self._got.get(u, 0.0) for u in self._waiting])))
        self._got.clear()
        self._waiting, self._since = waiting, self.seconds

    def _asked(self, number: int) -> JobAsked:
        order = self.mix.orders[number]
        frames = FrameSet.parse(f"1-{len(order.seconds)}")
        return JobAsked(
            job_id=f"{number}",
            tenant_id="tenant",
            owner_id=order.user,
            user=order.user,
            name=order.id,
            bundle_id=None,
            spec=JobSpec(
                work=Work(engine=ENGINE),
                steps=(StepSpec(name="frames", frames=frames),),
                needs=order.needs,
            ),
            wanted=Wanted.RUN,
            paused=False,
            priority=1,
            retries_wanted=0,
            cleanups_wanted=0,
            version=1,
            created_at=_START + timedelta(milliseconds=number),
        )


def run() -> dict[str, object]:
    """Return the figures."""
    rows = [
        _row(invent(Random(f"{invent.__name__} {seed}"))) for invent in MIXES for seed in SEEDS
    ]
    bounds, fifo, best, jain = zip(*rows, strict=True)
    return {
        "makespan_over_bound": round(max(bounds), 3),
        "over_fifo": round(min(fifo), 3),
        "over_best_fit": round(min(best), 3),
        "jain": round(min(jain), 3),
        "medians": [round(median(figures), 3) for figures in (bounds, fifo, best, jain)],
        "mixes": len(MIXES),
        "seeds": len(SEEDS),
    }


def _row(mix: Mix) -> tuple[float, float, float, float]:
    numbers, bound = count(), mix.lower_bound()
    farm = Farm(beat=bound / _BEATS, new_id=lambda: f"{next(numbers):08}", now=_START)
    machines = [Machine(f"{n}", offer) for n, offer in enumerate(mix.offers)]
    night = Night(mix, farm, machines, bound / _BEATS)
    end = night.run()
    first, best = makespan(mix, first_fit), makespan(mix, best_fit)
    print(
        f"{mix.name:20} bound {bound:8.0f} s  Lightmill {end / bound:.3f}  "
        f"first-fit {first / bound:.3f}  best-fit {best / bound:.3f}  Jain {night.jain:.3f}"
    )
    return end / bound, first / end, best / end, night.jain


def _jain(shares: list[float]) -> float:
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0


if __name__ == "__main__":
    sys.stdout.write(f"{run()}\n")

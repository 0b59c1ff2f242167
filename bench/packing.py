"""How well work is packed and shared: the last end against the best that is possible.

Three seeded mixes, all of it asked for at once: many small jobs; unequal memory with GPU
islands; a heavy tail. The scheduler's core on an invented clock, against first-fit and best-fit
in the order of coming, which know nothing of users, in the same run; and against the same core
without users, all the work being one's: what being fair costs. The bound is that of the
configuration program (`deciding/bound.py`): machines that can do all of a mix's wide work and all
of its GPU work cannot do both at once.
"""

import heapq
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, product
from random import Random
from statistics import median

from deciding.machine import Machine
from deciding.mixes import ENGINE, MIXES, Mix
from deciding.plain import best_fit, first_fit, makespan
from deciding.sharing import Sharing

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
        fair: Whether the farm is told whose the jobs are.
    """

    mix: Mix
    farm: Farm
    machines: list[Machine]
    beat: float
    sharing: Sharing
    fair: bool = True
    seconds: float = 0.0
    _ends: list[tuple[float, int, Machine, str]] = field(default_factory=list)
    _begun: int = 0

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
        self.sharing.hold(self.mix.orders[int(order.job_id)], sign)

    def _pass(self, until: float) -> None:
        """Let time pass, in which everybody holds what they hold."""
        self.sharing.until(until)
        self.seconds = until

    def _look(self) -> None:
        """Note what waits now."""
        self.sharing.look(
            self.mix.orders[int(job.id)]
            for job in self.farm.jobs
            if any(len(step.waiting) for step in job.steps)
        )

    def _asked(self, number: int) -> JobAsked:
        order = self.mix.orders[number]
        frames = FrameSet.parse(f"1-{len(order.seconds)}")
        return JobAsked(
            job_id=f"{number}",
            tenant_id="tenant",
            owner_id=order.user,
            user=order.user if self.fair else "everybody",
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
    with ProcessPoolExecutor() as processes:
        rows = list(processes.map(_drawn, *zip(*product(MIXES, SEEDS), strict=True)))
    columns = list(zip(*rows, strict=True))
    bounds, fifo, best, jain, price, bare, first_jain, best_jain = columns
    return {
        "makespan_over_bound": round(max(bounds), 3),
        "over_fifo": round(min(fifo), 3),
        "over_best_fit": round(min(best), 3),
        "jain": round(min(jain), 3),
        "medians": [round(median(figures), 3) for figures in columns],
        "medians_of": ["bound", "fifo", "best", "jain", "price", "bare", "fifo jain", "best jain"],
        "fair_over_unfair": round(max(price), 3),
        "jain_of_bare_shares": round(min(bare), 3),
        "jain_of_fifo": round(min(first_jain), 3),
        "jain_of_best_fit": round(min(best_jain), 3),
        "mixes": len(MIXES),
        "seeds": len(SEEDS),
    }


def _drawn(invent: Callable[[Random], Mix], seed: int) -> tuple[float, ...]:
    return _row(invent(Random(f"{invent.__name__} {seed}")))


def _row(mix: Mix) -> tuple[float, ...]:
    bound = mix.lower_bound()
    end, shared = _night(mix, bound, fair=True)
    unfair, _ = _night(mix, bound, fair=False)
    (first, by_first), (best, by_best) = makespan(mix, first_fit), makespan(mix, best_fit)
    print(
        f"{mix.name:20} bound {bound:8.0f} s  Lightmill {end / bound:.3f}  "
        f"without users {unfair / bound:.3f}  first-fit {first / bound:.3f}  "
        f"best-fit {best / bound:.3f}  Jain {shared.index:.3f} (bare {shared.bare:.3f}), "
        f"of first-fit {by_first.index:.3f}, of best-fit {by_best.index:.3f}",
        flush=True,
    )
    fairness = (shared.index, end / unfair, shared.bare, by_first.index, by_best.index)
    return end / bound, first / end, best / end, *fairness


def _night(mix: Mix, bound: float, *, fair: bool) -> tuple[float, Sharing]:
    numbers, beat, sharing = count(), bound / _BEATS, Sharing(mix)
    farm = Farm(beat=beat, new_id=lambda: f"{next(numbers):08}", now=_START)
    machines = [Machine(f"{n}", offer) for n, offer in enumerate(mix.offers)]
    return Night(mix, farm, machines, beat, sharing, fair).run(), sharing


if __name__ == "__main__":
    sys.stdout.write(f"{run()}\n")

"""Frames that the scheduler's core places in a second of one core, with every policy on.

10,000 machines of five kinds, 1,000 jobs of 40 users, steady state: frames end, frames start.
Facts are built outside the timed part; `observe`, `plan`, `take_changes` and `left` are inside
it. What is handed out is made a message where it leaves: outside the core, and outside that part.
Frames take 2 s, and a report tells of two attempts that have ended; chunks are those that the
farm makes by itself, and `frames_an_attempt` says how long they were. The time is that of the
processor.

Two farms, with 50,000 and with 1,000,000 frames waiting, take their turns alternately: whatever
slows the machine down meanwhile slows both. A run is a whole beat of both, in which every machine
reports once; its flatness is the rate of the one by that of the other. For every job that ends
one like it is asked for, so that as much waits all along; what that takes counts.
"""

import argparse
import cProfile
import pstats
import sys
import time
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from statistics import median

from deciding.machine import Machine

from lightmill.domain.frames import FrameSet
from lightmill.domain.job import FrameOrder, JobSpec, Wanted, Work, steps_with_test
from lightmill.domain.policy import Limit, LimitScope, Policy, Pool, PoolMode, Scaling, Share
from lightmill.domain.resources import GIB, Gpu, Needs, Offer
from lightmill.runtime.garbage import spare_the_living
from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.facts import BeatPassed, Fact, JobAsked, PolicyChanged
from lightmill.scheduler.core.farm import Farm

NODES = 10_000
JOBS = 1_000
USERS = 40
FEW, MANY = 50_000, 1_000_000
RUNS = 5
_TURN = 200  # reports that come together in a turn of a busy leader
_FRAME_S = 2.0  # as they must be where 10,000 machines with 70,000 tasks end 30,000 a second
_ENDED = 2  # attempts in one report: a machine's slots end one every half second, or so
_START = datetime(2026, 1, 1, tzinfo=UTC)

_GPUS = tuple(Gpu(index=n, name="A5000", vendor="nvidia", vram=24 * GIB) for n in range(2))
_ENGINES = {"blender": ("4.5.1",), "arnold": ("7.3",)}
_OFFERS = (
    Offer(cores=16, ram=64 * GIB, engines=_ENGINES),
    Offer(cores=16, ram=64 * GIB, engines=_ENGINES, tags=("fast-disk",)),
    Offer(cores=32, ram=256 * GIB, engines=_ENGINES, pools=("default", "wide")),
    Offer(cores=16, ram=128 * GIB, engines=_ENGINES, gpus=_GPUS),
    Offer(cores=8, ram=32 * GIB, engines=_ENGINES, pools=("designs", "default")),
)
_NEEDS = (
    Needs(cores=2, ram=4 * GIB),
    Needs(cores=4, ram=16 * GIB),
    Needs(cores=4, ram=8 * GIB, tags=("fast-disk",)),
    Needs(cores=8, ram=48 * GIB),
    Needs(cores=2, ram=16 * GIB, gpus=1, vram=12 * GIB, vendor="nvidia"),
    Needs(cores=1, ram=2 * GIB, version="4.5"),
    Needs(cores=16, ram=96 * GIB, pool="wide"),
    Needs(cores=2, ram=8 * GIB, pool="designs"),
)
_POLICY = Policy(
    pools={
        "designs": Pool(name="designs", mode=PoolMode.FIFO),
        "wide": Pool(name="wide", scaling=Scaling(initial=10_000, maximum=20_000)),
    },
    limits={
        "arnold": Limit(name="arnold", total=20_000),
        "floating": Limit(name="floating", total=9_000, scope=LimitScope.MACHINE),
    },
    shares={
        (f"tenant{n % 4}", f"user{n:02}"): Share(
            tenant_id=f"tenant{n % 4}", user=f"user{n:02}", weight=1 + n % 3, size=64
        )
        for n in range(USERS)
    },
    preemption=True,
)


@dataclass(slots=True)
class Placed:
    """What a farm has placed, and the processor time that it took."""

    seconds: float = 0.0
    frames: int = 0
    attempts: int = 0

    @property
    def rate(self) -> float:
        """Return the frames placed in a second."""
        return self.frames / self.seconds


@dataclass(slots=True)
class Bench:
    """A farm, and the machines that play with it.

    Attributes:
        asked: Jobs that live, by id.
        placed: Counted since it was last set.
    """

    farm: Farm
    machines: list[Machine]
    asked: dict[str, JobAsked] = field(default_factory=dict)
    now: datetime = _START
    placed: Placed = field(default_factory=Placed)
    profile: cProfile.Profile | None = None
    _turn: int = 0
    _come: list[JobAsked] = field(default_factory=list)
    _next: Iterator[Machine] = field(init=False)

    def __post_init__(self) -> None:
        self._next = cycle(self.machines)

    def turn(self, facts: Iterable[Fact]) -> Changes:
        """Let the leader take a turn; what it hands out begins at once."""
        self.now += timedelta(milliseconds=5)
        changes = self._decide(list(facts))
        for (node_id, _), orders in changes.letters.items():
            machine = self.machines[int(node_id)]
            machine.obey(orders)
            list(machine.begin())
        return changes

    def _decide(self, facts: Sequence[Fact]) -> Changes:
        farm, now = self.farm, self.now
        if self.profile:
            self.profile.enable()
        began = time.process_time()
        for fact in facts:
            farm.observe(fact, now)
        farm.plan(now)
        changes = farm.take_changes()
        farm.left(changes.born, 0)
        self.placed.seconds += time.process_time() - began
        if self.profile:
            self.profile.disable()
        self.placed.frames += sum(len(attempt.task.ordinals) for attempt in changes.born)
        self.placed.attempts += len(changes.born)
        return changes

    def step(self) -> None:
        """Let some attempts end, and the leader place others."""
        before = self.placed.frames
        come, self._come = self._come, []
        changes = self.turn([*come, *self._reports(), *self._beat()])
        if self.placed.frames == before:
            raise SystemExit("the farm places nothing any more")
        for job in changes.jobs.values():
            if job.ended:
                asked = self.asked.pop(job.id)
                again = replace(asked, job_id=f"{job.id}+", created_at=self.now)
                self.asked[again.job_id] = again
                self._come.append(again)

    @property
    def turns(self) -> int:
        """Return the turns of a beat, in which every machine reports once."""
        return max(1, len(self.machines) // _TURN)

    def _beat(self) -> list[Fact]:
        """Return a beat when every machine has reported since the last one."""
        self._turn += 1
        return [] if self._turn % self.turns else [BeatPassed()]

    def _reports(self) -> list[Fact]:
        told: list[Fact] = []
        while len(told) < _TURN:
            machine = next(self._next)
            for attempt_id in list(machine.running)[:_ENDED]:
                machine.end(attempt_id, _FRAME_S)
            list(machine.begin())
            told.append(machine.report())
        return told

    @property
    def waiting(self) -> int:
        """Return the frames that nobody has."""
        return sum(len(step.waiting) for job in self.farm.jobs for step in job.steps)


def run() -> dict[str, object]:
    """Return the figures."""
    return measure(NODES, JOBS)


def measure(nodes: int, jobs: int) -> dict[str, object]:
    """Return the figures of a farm of this size."""
    few, many = (made(nodes, jobs, waiting) for waiting in (FEW, MANY))
    runs = [_beat_of(few, many) for _ in range(RUNS)]
    ratios = sorted(one.rate / other.rate for other, one in runs)
    rates = [one.rate for _, one in runs]
    placed = [one for pair in runs for one in pair]
    return {
        "decisions_per_second": round(median(rates)),
        "flatness": round(median(ratios), 3),
        "bytes_per_waiting_frame": round(_bytes(jobs), 4),
        "frames_an_attempt": round(
            sum(one.frames for one in placed) / sum(one.attempts for one in placed), 2
        ),
        "decisions_min_median_max": [round(one) for one in _span(rates)],
        "flatness_min_median_max": [round(one, 3) for one in _span(ratios)],
        "nodes": nodes,
        "jobs": jobs,
        "runs": RUNS,
    }


def _beat_of(few: Bench, many: Bench) -> tuple[Placed, Placed]:
    """Return what each of two farms placed in a beat, their turns taken alternately."""
    few.placed, many.placed = Placed(), Placed()
    for _ in range(many.turns):
        few.step()
        many.step()
    told = [f"{bench.waiting:,} wait: {bench.placed.rate:,.0f} frames/s" for bench in (few, many)]
    print(*told, f"{many.placed.rate / few.placed.rate:.3f}", sep="; ")
    return few.placed, many.placed


def made(nodes: int, jobs: int, waiting: int) -> Bench:
    """Return a farm whose machines are all busy and where about so many frames wait."""
    numbers = count()
    farm = Farm(beat=nodes / 500, new_id=lambda: f"{next(numbers):08}", now=_START)
    machines = [Machine(f"{n}", _OFFERS[n % len(_OFFERS)]) for n in range(nodes)]
    bench = Bench(farm, machines)
    bench.turn([PolicyChanged(_POLICY)])
    slots = sum(machine.offer.cores for machine in machines) // 2
    bench.asked = {job.job_id: job for job in _asked(jobs, (waiting + slots) // jobs)}
    bench.turn(bench.asked.values())
    for first in range(0, nodes, _TURN):
        bench.turn(machine.report() for machine in machines[first : first + _TURN])
    for _ in range(bench.turns):  # until every machine has told what runs on it
        bench.step()
    spare_the_living()  # as the leader does once it has taken over
    held = sum(len(machine.running) + len(machine.queue) for machine in machines)
    print(f"{nodes:,} machines with {held:,} attempts, {bench.waiting:,} frames wait")
    return bench


def _asked(jobs: int, frames: int) -> Iterator[JobAsked]:
    for number in range(jobs):
        test = FrameSet.parse("1") if number % 10 == 0 else None
        needs = _NEEDS[number % len(_NEEDS)]
        order = FrameOrder.BISECTION if number % 7 == 0 else FrameOrder.GIVEN
        steps = steps_with_test(FrameSet.parse(f"1-{frames}"), test, stop=True, order=order)
        yield JobAsked(
            job_id=f"job{number:04}",
            tenant_id=f"tenant{number % 4}",
            owner_id=f"user{number % USERS:02}",
            user=f"user{number % USERS:02}",
            name=f"job{number:04}",
            bundle_id=f"bundle{number:04}",
            spec=JobSpec(
                work=Work(engine="arnold" if number % 3 == 0 else "blender", scene="a.blend")
                if needs.version is None
                else Work(engine="blender", scene="a.blend"),
                steps=steps,
                needs=needs,
                fifo=needs.pool == "designs",
                limits=(("arnold",), (), ("floating",))[number % 3],
            ),
            wanted=Wanted.RUN,
            paused=False,
            priority=(1, 1, 1, 20, 75)[number % 5],
            retries_wanted=0,
            cleanups_wanted=0,
            version=1,
            created_at=_START + timedelta(seconds=number),
        )


def _bytes(jobs: int) -> float:
    """Return by how much memory grows with each frame more that waits."""
    tracemalloc.start()
    sizes = []
    for waiting in (FEW, MANY):
        before = tracemalloc.get_traced_memory()[0]
        numbers = count()
        farm = Farm(beat=1.0, new_id=lambda numbers=numbers: f"{next(numbers):08}", now=_START)
        for asked in _asked(jobs, waiting // jobs):
            farm.observe(asked, _START)
        farm.plan(_START)
        farm.take_changes()
        sizes.append(tracemalloc.get_traced_memory()[0] - before)
        print(f"{waiting:,} waiting frames of {jobs:,} jobs take {sizes[-1]:,} bytes")
    tracemalloc.stop()
    return max(0, sizes[1] - sizes[0]) / (MANY - FEW)


def _span(values: Sequence[float]) -> tuple[float, float, float]:
    return min(values), median(values), max(values)


def _profiled(nodes: int) -> None:
    """Print where the time goes in a beat."""
    bench = made(nodes, JOBS, MANY)
    bench.profile = cProfile.Profile(time.process_time)
    for _ in range(bench.turns):
        bench.step()
    pstats.Stats(bench.profile).sort_stats("tottime").print_stats(50)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=NODES)
    parser.add_argument("--profile", action="store_true", help="say where the time goes")
    asked = parser.parse_args()
    if asked.profile:
        _profiled(asked.nodes)
    else:
        sys.stdout.write(f"{measure(asked.nodes, JOBS)}\n")

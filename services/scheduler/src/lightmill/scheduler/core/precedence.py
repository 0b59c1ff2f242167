"""Which jobs go before which, as the lanes stand at one moment."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from lightmill.scheduler.core.demand import Demand
from lightmill.scheduler.core.queue import Lane, Queue, Rank
from lightmill.scheduler.core.work import Step


@dataclass(slots=True)
class _Row:
    """Lanes that compete for the same machines, in their order.

    Attributes:
        places: Of each lane.
        jobs: How many go before each place.
        higher: How many of those have a higher priority.
        first: The place at which a job stands first.
    """

    places: dict[Lane, int] = field(default_factory=dict)
    jobs: list[int] = field(default_factory=list)
    higher: list[int] = field(default_factory=list)
    first: dict[str, int] = field(default_factory=dict)

    def extend(self, lanes: Iterable[tuple[Rank, Lane, AbstractSet[str]]]) -> None:
        """Take in lanes with the jobs that wait in them; they stand in their order."""
        priority, higher = None, 0
        for place, (rank, lane, jobs) in enumerate(lanes):
            if rank[0][0] != priority:
                priority, higher = rank[0][0], len(self.first)
            self.places[lane] = place
            self.jobs.append(len(self.first))
            self.higher.append(higher)
            for job_id in jobs:
                self.first.setdefault(job_id, place)


class Precedence:
    """Counts who goes before a step; each order is made once, however many ask for it."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._rows: dict[frozenset[int], _Row] = {}
        self._ranked: list[tuple[Rank, int, Lane, Demand]] | None = None
        self._jobs: dict[Lane, AbstractSet[str]] = {}

    def before(self, step: Step, lane: Lane) -> tuple[int, int]:
        """Return how many jobs go before `step` for the machines it needs: higher ones, all."""
        row = self._row(lane.demands[step.id])
        place = row.places.get(lane)
        if place is None:
            return 0, 0
        mine, own = (lane.ages[step.id], step.id), step.job.id
        beside = {s.job.id for i, s in lane.steps.items() if (lane.ages[i], i) < mine}
        late = sum(row.first[job_id] == place for job_id in beside - {own})
        first, higher = row.first[own], row.higher[place]
        is_higher = row.jobs[first] < higher  # with another of its steps
        return higher - is_higher, row.jobs[place] + late - (first < place)

    def _row(self, demand: Demand) -> _Row:
        kinds = frozenset(map(id, demand.kinds))
        row = self._rows.get(kinds)
        if row is None:
            row = self._rows[kinds] = _Row()
            row.extend(
                (rank, lane, self._jobs_of(lane))
                for rank, _, lane, other in self._in_order()
                if not kinds.isdisjoint(map(id, other.kinds))
            )
        return row

    def _jobs_of(self, lane: Lane) -> AbstractSet[str]:
        if lane not in self._jobs:
            self._jobs[lane] = {step.job.id for step in lane.steps.values()}
        return self._jobs[lane]

    def _in_order(self) -> list[tuple[Rank, int, Lane, Demand]]:
        if self._ranked is None:
            lanes = (
                (lane, demand)
                for demand, lanes in self._queue.by_demand.items()
                for lane in lanes.values()
            )
            self._ranked = sorted(
                (rank, number, lane, demand)
                for number, (lane, demand) in enumerate(lanes)
                if (rank := lane.rank()) is not None
            )
        return self._ranked

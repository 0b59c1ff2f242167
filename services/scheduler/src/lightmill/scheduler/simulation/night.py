"""One simulated farm from its first job to its last, judged all along."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count
from zlib import crc32

from lightmill.domain.resources import Offer
from lightmill.domain.states import AttemptState, IllegalTransitionError, JobState
from lightmill.scheduler.simulation.broker import Broker
from lightmill.scheduler.simulation.candidate import Candidate, Lock, Office, Roles
from lightmill.scheduler.simulation.database import Database
from lightmill.scheduler.simulation.inspector import Inspector
from lightmill.scheduler.simulation.kernel import START, Kernel
from lightmill.scheduler.simulation.kinds import one_of
from lightmill.scheduler.simulation.laws import BrokenLawError
from lightmill.scheduler.simulation.ledger import Surroundings
from lightmill.scheduler.simulation.machine_room import MachineRoom
from lightmill.scheduler.simulation.node import Rendering, SimulatedNode, Site
from lightmill.scheduler.simulation.patrons import ENGINE, Patrons
from lightmill.scheduler.simulation.scenario import Scenario
from lightmill.scheduler.simulation.store import Store
from lightmill.scheduler.simulation.troubles import Troubles
from lightmill.scheduler.simulation.weather import Land, Weather

_CALM_AFTER = 60.0  # seconds after the storm: every freeze, cut and lease is over


@dataclass(kw_only=True)
class Cast:
    """Who plays: the real ones, or one of them exchanged for a mutant."""

    roles: Roles = field(default_factory=Roles)
    room: type[MachineRoom] = MachineRoom
    node: type[SimulatedNode] = SimulatedNode
    database: type[Database] = Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a night came to; the same for the same scenario and seed, to the byte.

    Attributes:
        waits: By user, the seconds that each job waited for its first frame to begin.
        jain: Index of fairness among backlogged users, over `fair_beats`; None without any.
        failures: Failed attempts by kind, and `quarantines` of machines: under a policy alone.
    """

    scenario: str
    seed: str
    broken: str | None
    jobs: int
    completed: int
    failed: int
    cancelled: int
    frames: int
    attempts: int
    lost: int
    faults: int
    terms: int
    commits: int
    decisions: int
    messages: int
    events: int
    virtual_seconds: float
    makespan: float
    lower_bound: float
    utilisation: float
    waits: Mapping[str, Sequence[float]]
    fair_beats: int
    jain: float | None
    failures: Mapping[str, int]
    quarantines: int

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON."""
        return asdict(self)


class Night:
    """A farm with everything in it."""

    def __init__(self, scenario: Scenario, seed: str, cast: Cast | None = None) -> None:
        cast = cast or Cast()
        self.scenario = scenario
        self.seed = seed
        self.kernel = Kernel(f"{scenario.name} {seed}")
        self.broker = Broker(self.kernel)
        self.database = cast.database()
        if scenario.rules is not None:
            self.database.rows.policy = scenario.rules.draw(self.kernel)
        self.store = Store()
        self.inspector = Inspector(self.kernel, self.database, self.store)
        self.weather = Weather(self.kernel, scenario.faults)
        self.patrons = Patrons(
            self.kernel, self.broker, self.database, self.weather.loses_doorbell
        )
        self.troubles = Troubles(
            kernel=self.kernel, until=scenario.size.storm, work=self.patrons.work
        )
        self._seconds = self.kernel.draw(scenario.size.seconds)
        self.rendering = Rendering(seconds=self.frame_seconds, trouble=self.troubles)
        self.nodes = self._machines(cast)
        self.inspector.nodes = {node.name: node for node in self.nodes}
        self.office = self._office(cast)
        self.candidates = self._schedulers()

    def frame_seconds(self, job_id: str, frame: int) -> float:
        """Return how long a frame takes, wherever and whenever it is rendered."""
        draw = crc32(f"{self.seed} {job_id} {frame}".encode()) / 2**32
        work = self.patrons.work.get(job_id)
        middle = self._seconds if work is None else work.seconds
        return middle * (0.5 + draw)

    def run(self) -> Outcome:
        """Let it happen; a broken law ends it at once."""
        broken = None
        try:
            self._run()
        except BrokenLawError as error:
            broken = str(error)
        except IllegalTransitionError as error:
            broken = f"transitions_follow_the_tables: {error}"
        return self._outcome(broken)

    def _run(self) -> None:
        size = self.scenario.size
        for candidate in self.candidates:
            candidate.stand()
        for node in self.nodes:
            self.kernel.later(self.kernel.random.random(), node.connect)
        land = Land(
            kernel=self.kernel,
            broker=self.broker,
            database=self.database,
            rendering=self.rendering,
            candidates=self.candidates,
            nodes=self.nodes,
        )
        self.weather.begin(land, size.storm)
        self.patrons.begin(self.scenario)
        second = size.storm
        self.kernel.run(size.storm)
        while not self._settled() and second < size.storm + size.patience:
            second += 1.0
            self.inspector.calm = second > size.storm + _CALM_AFTER
            self.kernel.run(second)
        self.inspector.end(self.patrons.live)

    def _settled(self) -> bool:
        """Tell whether nothing is left to do."""
        unsettled = self.inspector.finished - self.inspector.settled
        return not (self.patrons.live or self.database.rows.outbox or unsettled)

    def _machines(self, cast: Cast) -> list[SimulatedNode]:
        kernel, size, faults = self.kernel, self.scenario.size, self.scenario.faults
        site = Site(
            kernel=kernel,
            broker=self.broker,
            store=self.store,
            rendering=self.rendering,
            witness=self.inspector,
            room=cast.room,
        )
        nodes = []
        for number in range(round(kernel.draw(size.nodes))):
            name = f"node{number:02}"
            offer = self._offer(name, largest=number == 0)
            pace = kernel.draw((0.4, 1.0)) if kernel.chance(faults.slow_clock) else 1.0
            skew = kernel.draw((-30.0, 30.0)) if kernel.chance(faults.slow_clock) else 0.0
            nodes.append(cast.node(name, offer, site, pace, skew))
        return nodes

    def _offer(self, name: str, *, largest: bool) -> Offer:
        """Return what a machine has; the first one of a farm is large enough for every job."""
        size, kinds = self.scenario.size, self.scenario.machines
        if not kinds:
            cores = round(size.cores[1] if largest else self.kernel.draw(size.cores))
            return Offer(cores=cores, ram=100, engines={ENGINE: ("1",)})
        kind = kinds[0] if largest else one_of(kinds, self.kernel)
        if kind.sick:
            self.troubles.sick[name] = kind.sick
        return kind.offer(self.kernel, ENGINE)

    def _office(self, cast: Cast) -> Office:
        numbers = count(1)
        around = Surroundings(
            database=self.database,
            court=self.inspector,
            latency=self.weather.latency,
            fate=self.weather.fate,
        )
        return Office(
            kernel=self.kernel,
            broker=self.broker,
            lock=Lock(self.kernel),
            around=around,
            bench=self.inspector,
            roles=cast.roles,
            new_id=lambda: f"{next(numbers):08}",
            gather=self.kernel.draw(self.scenario.size.gather),
        )

    def _schedulers(self) -> list[Candidate]:
        number = round(self.kernel.draw(self.scenario.size.candidates))
        slow = self.scenario.faults.slow_clock
        skews = [
            self.kernel.draw((-2.0, 2.0)) if self.kernel.chance(slow) else 0.0
            for _ in range(number)
        ]
        return [Candidate(f"scheduler{n}", self.office, skew) for n, skew in enumerate(skews)]

    def _outcome(self, broken: str | None) -> Outcome:
        rows, ends = self.database.rows, self.inspector.audit.ends
        states = [row.state for row in rows.jobs.values()]
        cores = sum(node.room.offer.cores for node in self.nodes)
        ended = [row.finished_at for row in rows.jobs.values() if row.finished_at]
        makespan = max(((end - START).total_seconds() for end in ended), default=0.0)
        fair = self.inspector.fairness
        fair.close()
        busy = sum(node.busy_seconds for node in self.nodes)
        return Outcome(
            scenario=self.scenario.name,
            seed=self.seed,
            broken=broken,
            jobs=len(states),
            completed=states.count(JobState.COMPLETED),
            failed=states.count(JobState.FAILED),
            cancelled=states.count(JobState.CANCELLED),
            frames=len(rows.results),
            attempts=len(rows.attempts),
            lost=ends[AttemptState.LOST],
            faults=self.weather.struck,
            terms=self.office.terms,
            commits=self.database.commits,
            decisions=self.office.decisions,
            messages=self.broker.delivered,
            events=self.kernel.events,
            virtual_seconds=round(self.kernel.seconds, 3),
            makespan=round(makespan, 3),
            lower_bound=round(self._bound(cores), 3),
            utilisation=round(busy / (cores * makespan), 4) if makespan else 0.0,
            waits=self._waits(),
            fair_beats=fair.beats,
            jain=None if fair.index is None else round(fair.index, 4),
            failures=dict(sorted(self.inspector.failures.items())),
            quarantines=self.inspector.quarantines,
        )

    def _waits(self) -> dict[str, list[float]]:
        """Return by user how long each of its jobs waited for its first frame to begin.

        Left out are jobs that wait for another one, and those of which nothing began.
        """
        found: dict[str, list[float]] = {}
        for job_id, asked in self.database.rows.asked.items():
            began = self.inspector.waits.get(job_id)
            if began is not None and not asked.spec.after:
                wait = began - (asked.created_at - START).total_seconds()
                found.setdefault(asked.user, []).append(round(wait, 3))
        return {user: found[user] for user in sorted(found)}

    def _bound(self, cores: int) -> float:
        """Return the earliest moment at which these results could have been there.

        What came after any moment takes its core seconds, shared out evenly; and no frame is
        there sooner than its job and its own time.
        """
        rows = self.database.rows
        arrivals: dict[str, float] = {}
        work: dict[str, float] = defaultdict(float)
        bound = 0.0
        least = min(node.room.offer.cores for node in self.nodes)
        for attempt_id, result in rows.results.values():
            row = rows.attempts[attempt_id]
            seconds = self.frame_seconds(row.job_id, result.frame)
            arrived = (rows.asked[row.job_id].created_at - START).total_seconds()
            arrivals[row.job_id] = arrived
            whole = rows.asked[row.job_id].spec.needs.whole_machine
            work[row.job_id] += seconds * (min(least, row.cores) if whole else row.cores)
            bound = max(bound, arrived + seconds)
        late = 0.0
        for job_id in sorted(arrivals, key=lambda job_id: -arrivals[job_id]):
            late += work[job_id]
            bound = max(bound, arrivals[job_id] + late / cores)
        return bound

"""Jobs, steps, tasks and attempts as the scheduler holds them in memory.

Only what lives is held: a job that has ended leaves the farm, its rows stay in the database.
"""

from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import JobSpec, StepSpec, Work
from lightmill.domain.resources import Needs
from lightmill.domain.states import (
    ATTEMPT_TRANSITIONS,
    JOB_TRANSITIONS,
    STEP_TRANSITIONS,
    AttemptState,
    JobState,
    StepState,
    TaskState,
    is_final,
)
from lightmill.scheduler.core.accounts import Accounts
from lightmill.scheduler.core.counted import NOT_LOOKED_UP, Bounds
from lightmill.scheduler.core.timing import Timing
from lightmill.scheduler.core.waiting import Waiting

_OPEN = frozenset({StepState.READY, StepState.RUNNING})
_RUNNING = attrgetter("running")
_STEP_OVER = {s for s in StepState if is_final(STEP_TRANSITIONS, s)} | {StepState.FAILED}
_JOB_OVER = {s for s in JobState if is_final(JOB_TRANSITIONS, s)} | {JobState.FAILED}


@dataclass(slots=True, eq=False)
class Attempt:
    """One try of a task on one node, and the resources that it holds there.

    Attributes:
        sandbox: The least level of isolation that its engine must have; None: any.
        ahead: It waits on the node behind running work, outside the node's capacity.
        sent_at: The tick at which its order left.
        heard_at: The tick from which its lease runs: a report listed it then, or its order left.
        listed: Whether a report has listed it yet.
    """

    id: str
    task: "Task"
    node_id: str
    session: str
    cores: int
    ram: int
    gpus: tuple[int, ...]
    disk: int = 0
    sandbox: str | None = None
    ahead: bool = False
    sent_at: int = 0
    heard_at: int = 0
    state: AttemptState = AttemptState.ASSIGNED
    listed: bool = False
    recalled: bool = False
    running_seconds: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether it is no longer the current attempt of its task."""
        return not ATTEMPT_TRANSITIONS[self.state]


@dataclass(slots=True, eq=False)
class Task:
    """Ordinals of a step that one node renders at a time.

    Attributes:
        remaining: Ordinals that it has not delivered.
        failures: Failures of its ordinals before this task.
        tries: Tries of its ordinals before this task.
    """

    id: str
    step: "Step"
    ordinals: tuple[int, ...]
    created_at: datetime
    failures: int = 0
    tries: int = 0
    remaining: set[int] = field(default_factory=set)
    progress: float = 0.0
    state: TaskState = TaskState.ASSIGNED

    @property
    def frames(self) -> tuple[int, ...]:
        """Return the frame numbers beside the ordinals."""
        frame_at = self.step.spec.frame_at
        return tuple([frame_at(ordinal) for ordinal in self.ordinals])


@dataclass(slots=True, kw_only=True, eq=False)
class Step:
    """A step of a live job.

    Attributes:
        running: Attempts of it that nodes hold, by their id.
        given_up: Frames that failed too often, by ordinal.
        ram: Bytes that a task of it gets at least, since one ran out of memory.
        timing: How long its frames take.
        held_until: Nothing of it is handed out before: it lacked a licence, for the
            `shortages`-th time in a row.
        bounds: Limits of which its tasks take one each, as they were last looked up.
        leads: Whether another step of the job waits for its end, as the main step does for
            test frames.
        followed: Whether another step follows it frame by frame.
    """

    id: str
    job: "Job"
    position: int
    spec: StepSpec
    waiting: Waiting
    state: StepState
    succeeded: int = 0
    given_up: dict[int, "FailedOrdinal"] = field(default_factory=dict)
    running: dict[str, Attempt] = field(default_factory=dict)
    ram: int | None = None
    timing: Timing = field(default_factory=Timing)
    held_until: datetime | None = None
    shortages: int = 0
    bounds: Bounds = NOT_LOOKED_UP
    leads: bool = field(init=False)
    followed: bool = field(init=False)

    def __post_init__(self) -> None:
        waits = [after for other in self.job.spec.steps for after in other.after]
        self.leads = any(one.step == self.spec.name and not one.each for one in waits)
        self.followed = any(one.step == self.spec.name and one.each for one in waits)

    @property
    def work(self) -> Work:
        """Return what the engine is asked to do."""
        return self.spec.work or self.job.spec.work

    @property
    def needs(self) -> Needs:
        """Return what one task of it asks of a machine."""
        return self.spec.needs or self.job.spec.needs

    @property
    def pool(self) -> str:
        """Return the pool whose order, ceiling and isolation it keeps to."""
        return self.needs.pool or self.job.spec.pool

    @property
    def leader(self) -> "Step | None":
        """Return the step that it follows frame by frame."""
        each = next((after.step for after in self.spec.after if after.each), None)
        return None if each is None else self.job.step(each)

    @property
    def followers(self) -> list["Step"]:
        """Return the steps that follow it frame by frame."""
        return [other for other in self.job.steps if other.leader is self] if self.followed else []

    @property
    def open(self) -> bool:
        """Whether its work may be handed out."""
        return self.state in _OPEN

    @property
    def ended(self) -> bool:
        """Whether nothing of it will be rendered any more, unless a retry is asked for."""
        return self.state in _STEP_OVER

    @property
    def outstanding(self) -> int:
        """Return the number of ordinals that nodes hold."""
        return sum(len(attempt.task.remaining) for attempt in self.running.values())


@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """A live job: what is asked of it, and where it stands.

    Attributes:
        user: Of whose share of the tenant it takes.
        before: Of the jobs that it waits for, how those ended that have.
        barred: Whether some node gets nothing of it any more.
        accounts: Those that its work is counted on, as they were last looked up.
    """

    id: str
    tenant_id: str
    owner_id: str
    name: str
    bundle_id: str | None
    spec: JobSpec
    created_at: datetime
    priority: int
    paused: bool = False
    user: str = ""
    approved: bool = False
    applied_version: int = 0
    applied_retries: int = 0
    applied_cleanups: int = 0
    row_version: int = 0
    state: JobState = JobState.PENDING
    before: dict[str, JobState] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    barred: bool = False
    accounts: Accounts | None = None
    error: str | None = None
    result_key: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    def step(self, name: str) -> Step:
        """Return the step of this name."""
        return next(step for step in self.steps if step.spec.name == name)

    @property
    def ended(self) -> bool:
        """Whether it is over, unless a retry is asked for."""
        return self.state in _JOB_OVER

    @property
    def is_held(self) -> bool:
        """Whether nodes hold anything of it."""
        return any(map(_RUNNING, self.steps))

    @property
    def frames(self) -> int:
        """Return the number of frames of all steps."""
        return sum(step.waiting.total for step in self.steps)

    @property
    def succeeded(self) -> int:
        """Return the number of frames that have a result."""
        return sum(step.succeeded for step in self.steps)

    @property
    def failed(self) -> int:
        """Return the number of frames that are given up."""
        return sum(len(step.given_up) for step in self.steps)

    @property
    def running(self) -> int:
        """Return the number of frames that nodes hold."""
        return sum(step.outstanding for step in self.steps)

    @property
    def progress(self) -> float:
        """Return the share of the job that is done, running frames included, 0 to 1."""
        running = sum(
            attempt.task.progress * len(attempt.task.ordinals)
            - (len(attempt.task.ordinals) - len(attempt.task.remaining))
            for step in self.steps
            for attempt in step.running.values()
        )
        done = self.succeeded + max(0.0, running)
        return min(1.0, done / self.frames) if self.frames else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedOrdinal:
    """A frame that is given up, and why."""

    step_id: str
    ordinal: int
    frame: int
    failures: int
    tries: int
    kind: FailureKind
    error: str

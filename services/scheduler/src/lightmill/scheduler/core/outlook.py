"""Why a job waits, in words and in fields."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from lightmill.domain.job import Json
from lightmill.scheduler.core.forecast import Forecast

_NEVER = datetime.min.replace(tzinfo=UTC)


class Cause(StrEnum):
    """What a job may wait for; the most decisive first."""

    PAUSED = "paused"
    JOB = "job"
    APPROVAL = "approval"
    STEP = "step"
    RETRY = "retry"
    NO_NODE = "no_node"
    LIMIT = "limit"
    LICENCE = "licence"
    POOL = "pool"
    SHARE = "share"
    FIFO = "fifo"
    PRIORITY = "priority"
    QUEUE = "queue"
    NODES = "nodes"


class Standing(StrEnum):
    """How a node stands that could serve some work."""

    FREE = "free"
    BUSY = "busy"
    RESERVED = "reserved"
    BARRED = "barred"
    QUARANTINED = "quarantined"
    DRAINING = "draining"
    DISABLED = "disabled"
    OFFLINE = "offline"


_STANDS = {
    Standing.FREE: "free",
    Standing.BUSY: "busy",
    Standing.RESERVED: "reserved for other work",
    Standing.BARRED: "barred for this job after its failures there",
    Standing.QUARANTINED: "quarantined after failures of several jobs",
    Standing.DRAINING: "draining",
    Standing.DISABLED: "disabled",
    Standing.OFFLINE: "offline",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that keeps frames of a job from running: for people, and for programs."""

    kind: Cause
    text: str
    fields: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Why a job waits, and when it will have ended; no times when there is no telling."""

    job_id: str
    tenant_id: str
    reasons: tuple[Reason, ...] = ()
    earliest: datetime | None = None
    expected: datetime | None = None
    latest: datetime | None = None


@dataclass(slots=True)
class Round:
    """The jobs in turn, some in each beat.

    Attributes:
        left: Jobs that are still to be looked at.
        share: So many in one beat.
        began: When the ends were reckoned.
    """

    left: list[str] = field(default_factory=list)
    share: int = 1
    began: datetime = _NEVER
    ends: Mapping[str, Forecast] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """How much of a counted thing is taken; `total` None: nobody has said how many there are."""

    name: str
    used: int
    total: int | None
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What has to end first: a step of the same job by its name, or another job by its id."""

    name: str
    state: str
    must_succeed: bool = True
    each: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingStep:
    """A step with frames that nobody has.

    Attributes:
        frames: That wait.
        approval: Whether all that it lacks is a person's word.
        before: Steps that have not ended, or not yet ended well.
        retry_at: When the first of `retrying` frames is tried again; None: one is due.
        licence_at: When a licence is asked for again that was not to be had.
        obstacles: Needs in words, each with the number of nodes that it rules out.
        nodes: How the nodes stand that could serve it.
    """

    name: str
    frames: int
    approval: bool = False
    before: tuple[Before, ...] = ()
    retry_at: datetime | None = None
    retrying: int = 0
    licence_at: datetime | None = None
    obstacles: Mapping[str, int] = field(default_factory=dict)
    nodes: Mapping[Standing, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything that decides whether a job gets a machine.

    Attributes:
        before: Jobs that have to end first.
        limits: That its tasks take one of, those with none left.
        pool: Tasks that run in its pool, when the ceiling is reached.
        share: Cores of the one whose burst is reached.
        first: The job that a FIFO pool hands out before it.
        higher: Jobs of higher priority that wait for the same machines.
        ahead: Jobs that are served before it, those included.
    """

    job_id: str
    paused: bool = False
    before: tuple[Before, ...] = ()
    limits: tuple[Use, ...] = ()
    pool: Use | None = None
    share: Use | None = None
    first: str | None = None
    higher: int = 0
    ahead: int = 0
    steps: tuple[WaitingStep, ...] = ()


def explain(situation: Situation) -> tuple[Reason, ...]:
    """Return what keeps the job's waiting frames from running, the most decisive first.

    Nothing when no frame waits, or when those that wait are about to be handed out.
    """
    if not any(step.frames for step in situation.steps):
        return ()
    if situation.paused:
        return (Reason(kind=Cause.PAUSED, text="The job is paused: resume it to go on."),)
    if situation.before:
        return tuple(_after_job(other) for other in situation.before)
    found: list[Reason] = []
    ready = False
    for step in situation.steps:
        held = list(_held_up(step)) if step.frames else []
        found += held
        ready = ready or (step.frames > 0 and not held)
    if ready:
        found += _in_line(situation)
    return tuple(found)


def _held_up(step: WaitingStep) -> Iterator[Reason]:
    """Yield what would keep `step` from running on an empty farm."""
    if step.before:
        yield from (_after_step(step, other) for other in step.before)
    elif step.approval:
        yield Reason(
            kind=Cause.APPROVAL,
            text=f"Step {step.name} waits until a person approves what was rendered before it.",
            fields={"step": step.name},
        )
    elif not step.nodes:
        yield _nowhere(step)
    elif step.licence_at is not None:
        yield _no_licence(
            f"Step {step.name} lacked a licence", {"step": step.name}, step.licence_at
        )
    elif step.retry_at is not None:
        yield _retry(step, step.retry_at)


def _in_line(situation: Situation) -> Iterator[Reason]:
    """Yield what keeps work that is ready from the machines that could do it."""
    yield from map(_spent, situation.limits)
    if situation.pool is not None:
        yield _counted(Cause.POOL, situation.pool, "Pool {} runs as many tasks as it may: {}.")
    if situation.share is not None:
        text = "{} has all the cores that its burst allows: {}."
        yield _counted(Cause.SHARE, situation.share, text)
    yield from _order(situation)
    standing: dict[Standing, int] = {}
    for step in situation.steps:
        if not step.before and not step.approval and step.retry_at is None:
            for kind, number in step.nodes.items():
                standing[kind] = max(number, standing.get(kind, 0))
    if not standing.get(Standing.FREE):
        yield _taken(standing)


def _after_job(other: Before) -> Reason:
    verb = "succeed" if other.must_succeed else "end"
    return Reason(
        kind=Cause.JOB,
        text=f"It waits for job {other.name} to {verb}, which is {other.state}.",
        fields={"job": other.name, "state": other.state, "must_succeed": other.must_succeed},
    )


def _after_step(step: WaitingStep, other: Before) -> Reason:
    verb = "succeed" if other.must_succeed else "end"
    way = ", frame by frame" if other.each else ""
    return Reason(
        kind=Cause.STEP,
        text=f"Step {step.name} waits for step {other.name} to {verb}{way}.",
        fields={
            "step": step.name,
            "after": other.name,
            "state": other.state,
            "must_succeed": other.must_succeed,
            "each": other.each,
        },
    )


def _retry(step: WaitingStep, moment: datetime) -> Reason:
    frames = "1 frame" if step.retrying == 1 else f"{step.retrying} frames"
    return Reason(
        kind=Cause.RETRY,
        text=f"{frames} of step {step.name} failed; the next try is at {moment.isoformat()}.",
        fields={"step": step.name, "frames": step.retrying, "at": moment.isoformat()},
    )


def _nowhere(step: WaitingStep) -> Reason:
    worst = sorted(step.obstacles.items(), key=lambda item: (-item[1], item[0]))
    told = ", ".join(f"{need} ({_nodes(number)} without)" for need, number in worst)
    text = f"No node can serve step {step.name}: {told}." if told else "The farm has no nodes."
    return Reason(
        kind=Cause.NO_NODE,
        text=text,
        fields={"step": step.name, "obstacles": dict(worst)},
    )


def _spent(use: Use) -> Reason:
    if use.held_until is not None:
        return _no_licence(f"Licences of {use.name} ran out", {"limit": use.name}, use.held_until)
    if use.total is None:
        return Reason(
            kind=Cause.LIMIT,
            text=f"Limit {use.name} is not set up: an administrator says how many there are.",
            fields={"limit": use.name, "used": use.used, "total": None},
        )
    return _counted(Cause.LIMIT, use, "Limit {} is used up: {}.")


def _no_licence(what: str, whose: Mapping[str, Json], moment: datetime) -> Reason:
    return Reason(
        kind=Cause.LICENCE,
        text=f"{what}: none is asked for before {moment.isoformat()}.",
        fields={**whose, "until": moment.isoformat()},
    )


def _counted(kind: Cause, use: Use, text: str) -> Reason:
    return Reason(
        kind=kind,
        text=text.format(use.name, f"{use.used} of {use.total}"),
        fields={kind.value: use.name, "used": use.used, "total": use.total},
    )


def _order(situation: Situation) -> Iterator[Reason]:
    if situation.first is not None:
        yield Reason(
            kind=Cause.FIFO,
            text=f"Job {situation.first} was there before it, and its pool keeps to that order.",
            fields={"job": situation.first, "ahead": situation.ahead},
        )
    elif situation.higher:
        jobs = "1 job has" if situation.higher == 1 else f"{situation.higher} jobs have"
        yield Reason(
            kind=Cause.PRIORITY,
            text=f"{jobs} a higher priority and the same machines.",
            fields={"jobs": situation.higher},
        )
    if situation.ahead and situation.first is None:
        yield Reason(
            kind=Cause.QUEUE,
            text=f"It is number {situation.ahead + 1} in the queue for its machines.",
            fields={"ahead": situation.ahead},
        )


def _taken(standing: Mapping[Standing, int]) -> Reason:
    counts = [(kind, standing[kind]) for kind in Standing if standing.get(kind)]
    told = ", ".join(f"{number} {_STANDS[kind]}" for kind, number in counts)
    total = sum(number for _, number in counts)
    return Reason(
        kind=Cause.NODES,
        text=f"{_nodes(total)} could serve it: {told}.",
        fields={"nodes": total, **{kind.value: number for kind, number in counts}},
    )


def _nodes(number: int) -> str:
    return "1 node" if number == 1 else f"{number} nodes"

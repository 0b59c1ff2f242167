"""When every job will end, with a range: from measured frame times and what is ahead of it.

Work flows like a fluid. Machines that serve the same work form a group; in it the highest
priority goes first, accounts of one priority share by weight, and an account's jobs follow one
another. That gives every end in one sweep over the ends, sorted: O(jobs log jobs).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf, sqrt

from lightmill.scheduler.core.timing import Timing

GUESSED = 3.0
"""A time that was not measured on the step itself may be so many times longer, or shorter."""

_LIKELY = 2.0
"""Standard deviations to either side of what is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What is left of one step of one job.

    Attributes:
        account: Who shares with the others of the same priority; in a FIFO pool, the pool.
        frames_left: A frame that runs counts for what is left of it.
        seconds: That a frame takes.
        slots: Frames of it that would run at once if it had all machines that serve it.
        factor: So many times as long, or a fraction of that, a frame may take on the average.
        load: Share of the group that one of its frames takes; None: what `slots` come to.
        group: Machines that it shares with whatever has the same group.
        weight: Of the account.
    """

    job_id: str
    frames_left: float
    seconds: float
    slots: int
    priority: int = 1
    account: str = ""
    factor: float = 1.0
    load: float | None = None
    group: str = ""
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Seconds from now."""

    earliest: float
    expected: float
    latest: float


def pace(frames_left: float, step: Timing, *others: Timing) -> tuple[float, float] | None:
    """Return seconds a frame and the factor to either side, by the nearest that was measured.

    None when nothing was ever measured: there is no honest guess then.
    """
    if step.count:
        return step.mean, _certainty(step, frames_left)
    near = next((other for other in others if other.count), None)
    return None if near is None else (near.mean, GUESSED * _certainty(near, frames_left))


def forecast(backlogs: Sequence[Backlog]) -> dict[str, Forecast]:
    """Return the end of every job that machines serve.

    Args:
        backlogs: In the order in which equals are served: first come first, steps in their order.
    """
    early = _ends(backlogs, [one.seconds / one.factor for one in backlogs])
    middle = _ends(backlogs, [one.seconds for one in backlogs])
    late = _ends(backlogs, [one.seconds * one.factor for one in backlogs])
    return {
        job_id: Forecast(
            earliest=min(early[job_id], end), expected=end, latest=max(late[job_id], end)
        )
        for job_id, end in middle.items()
        if end < inf
    }


def _certainty(timing: Timing, frames_left: float) -> float:
    """Return by which factor the mean of the frames to come may differ from the measured one."""
    if timing.mean <= 0:
        return 1.0
    deviation = timing.spread * sqrt(1 / max(1.0, frames_left) + 1 / max(1, timing.count))
    return 1 + _LIKELY * deviation / timing.mean


@dataclass(slots=True)
class _Flow:
    """Work of one backlog: seconds that the whole group would need for it, and its own least."""

    backlog: Backlog
    work: float
    least: float
    begin: float = 0.0
    end: float = 0.0


def _ends(backlogs: Sequence[Backlog], seconds: Sequence[float]) -> dict[str, float]:
    groups: dict[str, list[_Flow]] = defaultdict(list)
    ends: dict[str, float] = {}
    for one, each in zip(backlogs, seconds, strict=True):
        if one.slots <= 0 and one.frames_left > 0:
            ends[one.job_id] = inf
        elif one.frames_left > 0:
            groups[one.group].append(_flow_of(one, each))
        else:
            ends.setdefault(one.job_id, 0.0)
    for flows in groups.values():
        for flow in _flow(flows):
            job_id = flow.backlog.job_id
            ends[job_id] = max(ends.get(job_id, 0.0), flow.end)
    return ends


def _flow_of(one: Backlog, seconds: float) -> _Flow:
    load = 1 / one.slots if one.load is None else one.load
    least = max(one.frames_left / one.slots, min(1.0, one.frames_left)) * seconds
    return _Flow(one, one.frames_left * seconds * load, least)


def _flow(flows: list[_Flow]) -> Iterator[_Flow]:
    """Yield `flows` with their ends, level by level, the highest priority first."""
    begin = 0.0
    flows.sort(key=lambda flow: -flow.backlog.priority)  # stable: equals stay in their order
    for _, level in groupby(flows, key=lambda flow: flow.backlog.priority):
        for flow in _shared(level, begin):
            begin = max(begin, flow.end)
            flow.end = max(flow.end, flow.begin + flow.least)
            yield flow


def _shared(level: Iterable[_Flow], begin: float) -> list[_Flow]:
    """Return the work of one level in the order of its ends; it begins at `begin`.

    In virtual time every account gets its weight a second, whoever else is there; real time
    passes as fast as the weights of those that still have work.
    """
    queues: dict[str, float] = defaultdict(float)
    moments: list[tuple[float, int, _Flow, bool]] = []
    weights: dict[str, float] = {}
    for place, flow in enumerate(level):
        account = flow.backlog.account
        weight = weights.setdefault(account, max(flow.backlog.weight, 1e-9))
        moments.append((queues[account] / weight, 2 * place, flow, False))
        queues[account] += flow.work
        moments.append((queues[account] / weight, 2 * place + 1, flow, True))
    last = {account: work / weights[account] for account, work in queues.items()}
    return _swept(sorted(moments, key=lambda m: m[:2]), weights, last, begin)


def _swept(
    moments: Iterable[tuple[float, int, _Flow, bool]],
    weights: dict[str, float],
    last: dict[str, float],
    begin: float,
) -> list[_Flow]:
    """Turn virtual moments into real ones."""
    leaving = sorted(last, key=lambda account: last[account])
    active, virtual, real, gone = sum(weights.values()), 0.0, begin, 0
    done: list[_Flow] = []
    for moment, _, flow, ends in moments:
        while gone < len(leaving) and last[leaving[gone]] < moment:
            real += (last[leaving[gone]] - virtual) * active
            virtual = last[leaving[gone]]
            active -= weights[leaving[gone]]
            gone += 1
        real += (moment - virtual) * active
        virtual = moment
        if ends:
            flow.end = real
            done.append(flow)
        else:
            flow.begin = real
    return done

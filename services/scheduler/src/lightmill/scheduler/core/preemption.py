"""Running work that ends for work of higher priority, where the farm's policy allows it."""

from collections.abc import Iterable, Sequence
from math import inf

from lightmill.domain.states import AttemptState
from lightmill.scheduler.core import attempts
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.state import FarmState
from lightmill.scheduler.core.work import Attempt, Job

_PATIENCE = 2
"""Ticks from the order that waits: it has waited for a whole beat then."""


def victims(node: Node, cores: int, ram: int, priority: int) -> list[Attempt]:
    """Return the attempts whose end makes room for the task, or none when that is not enough."""
    lower = _lower(node, priority)
    if not lower:
        return lower
    lower.sort(key=lambda attempt: (attempt.task.step.job.priority, attempt.running_seconds))
    free_cores, free_ram, chosen = node.free_cores, node.free_ram, []
    for attempt in lower:
        if free_cores >= cores and free_ram >= ram:
            break
        chosen.append(attempt)
        free_cores += attempt.cores
        free_ram += attempt.ram
    return chosen if free_cores >= cores and free_ram >= ram else []


def cost(chosen: Sequence[Attempt]) -> tuple[int, float]:
    """Return what is lost with them: their priority, then the processor time spent."""
    priority = max(attempt.task.step.job.priority for attempt in chosen)
    return priority, sum(attempt.cores * attempt.running_seconds for attempt in chosen)


def lowest(farm: FarmState) -> float:
    """Return the lowest priority of what runs: nothing ends for who has no higher one."""
    return min([job.priority for job in farm.jobs.values() if job.is_held], default=inf)


def end(farm: FarmState, chosen: Iterable[Attempt], job: Job) -> None:
    """End attempts for `job`."""
    for attempt in chosen:
        attempts.dismiss(farm, attempt, f"ended for job {job.name}, which goes first")


def make_way(farm: FarmState) -> None:
    """End what runs in front of orders of higher priority that wait on its machine.

    What ends by itself within a beat is waited for. What has ended there already, and is not yet
    known to be gone, is room that comes.
    """
    least, before, assigned = lowest(farm), farm.tick - _PATIENCE, AttemptState.ASSIGNED
    for attempt in farm.waiting_ahead:
        job = attempt.task.step.job
        waits = attempt.state is assigned and not attempt.recalled
        if waits and job.priority > least and attempt.sent_at <= before:
            _make_way_for(farm, attempt, job)


def _make_way_for(farm: FarmState, attempt: Attempt, job: Job) -> None:
    node = farm.nodes[attempt.node_id]
    if not _lower(node, job.priority):
        return
    leaving = [other for other in node.held.values() if other.ended]
    cores = attempt.cores - sum([other.cores for other in leaving])
    ram = attempt.ram - sum([other.ram for other in leaving])
    end(farm, victims(node, cores, ram, job.priority), job)


def _lower(node: Node, priority: int) -> list[Attempt]:
    """Return the attempts there of a lower priority than this."""
    return [
        attempt
        for attempt in node.held.values()
        if attempt.task.step.job.priority < priority and not attempt.ended
    ]

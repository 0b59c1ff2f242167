"""Running work that ends for work of higher priority, where the farm's policy allows it."""

from collections.abc import Iterable, Sequence

from lightmill.domain.states import AttemptState
from lightmill.scheduler.core import attempts
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.state import FarmState
from lightmill.scheduler.core.work import Attempt, Job


def victims(node: Node, cores: int, ram: int, priority: int) -> list[Attempt]:
    """Return the attempts whose end makes room for the task, or none when that is not enough."""
    lower = [
        attempt
        for attempt in node.held.values()
        if attempt.task.step.job.priority < priority and not attempt.ended
    ]
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


def end(farm: FarmState, chosen: Iterable[Attempt], job: Job) -> None:
    """End attempts for `job`."""
    for attempt in chosen:
        attempts.dismiss(farm, attempt, f"ended for job {job.name}, which goes first")


def make_way(farm: FarmState) -> None:
    """End what runs in front of orders of higher priority that wait on its machine.

    What has ended there already, and is not yet known to be gone, is room that comes.
    """
    lowest = min([job.priority for job in farm.jobs.values()], default=0)
    for attempt in [one for one in farm.attempts.values() if one.ahead]:
        job, node = attempt.task.step.job, farm.nodes[attempt.node_id]
        waits = attempt.state is AttemptState.ASSIGNED and not attempt.recalled
        if not waits or job.priority <= lowest:
            continue
        leaving = [other for other in node.held.values() if other.ended]
        cores = attempt.cores - sum(other.cores for other in leaving)
        ram = attempt.ram - sum(other.ram for other in leaving)
        end(farm, victims(node, cores, ram, job.priority), job)

"""Processor time by part: what of a frame's cost is the scheduler's, MySQL's, RabbitMQ's.

Rates depend on who else uses the machine; this does much less, and it tells what to make cheaper.
The simulated nodes and the benchmark stand for other machines.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from draining.servers import Servers
from testcontainers.core.container import DockerContainer

_TICK = os.sysconf("SC_CLK_TCK")
Parts = Mapping[str, Callable[[], float]]


def parts(on: Servers, scheduler: int, nodes: list[int]) -> Parts:
    """Return for each part what tells the processor seconds that it has used so far.

    Args:
        on: The servers.
        scheduler: Its process.
        nodes: The processes of the simulated nodes.
    """
    return {
        "scheduler": lambda: _of_processes([scheduler]),
        "mysql": lambda: _of_container(on.mysql.container),
        "rabbitmq": lambda: _of_container(on.rabbitmq.container),
        "redis": lambda: _of_container(on.redis.container),
        "nodes": lambda: _of_processes(nodes),
        "bench": lambda: _of_processes([os.getpid()]),
    }


class Meter:
    """Tells what the parts have used since it was made."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._before = {name: used() for name, used in parts.items()}

    def microseconds(self, frames: int) -> dict[str, float]:
        """Return the microseconds of processor time of each part for one of `frames`."""
        return {
            name: round((used() - self._before[name]) / frames * 1e6, 1)
            for name, used in self._parts.items()
        }


def _of_processes(numbers: list[int]) -> float:
    return sum(map(_of_process, numbers))


def _of_process(number: int) -> float:
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _of_container(container: DockerContainer) -> float:
    told = container.get_wrapped_container().stats(stream=False, one_shot=True)
    return float(told["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9

"""Processor time by part: what of a frame's cost is the scheduler's, MySQL's, RabbitMQ's.

Rates depend on who else uses the machine; this does much less, and it tells what to make cheaper.
The simulated nodes and the benchmark stand for other machines.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
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
    """Return the seconds of these processes; one that is gone has used none."""
    total = 0.0
    for number in numbers:
        with suppress(FileNotFoundError):
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / _TICK
    return total


def _of_container(container: DockerContainer) -> float:
    """Return the seconds of a container's processes, where this machine sees them."""
    first = int(container.get_wrapped_container().attrs["State"]["Pid"])
    return _of_processes([first, *_children(first)])


def _children(number: int) -> Iterator[int]:
    with suppress(FileNotFoundError):
        for task in Path(f"/proc/{number}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                yield child
                yield from _children(child)

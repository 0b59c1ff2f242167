"""Simulated farms side by side on the cores of this machine."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import starmap
from typing import TypeVar

Found = TypeVar("Found")


class Crew:
    """Calls a function for many arguments; what comes back is in their order."""

    def __init__(self, pool: ProcessPoolExecutor | None = None, workers: int = 1) -> None:
        self._pool = pool
        self._workers = workers

    def __call__(
        self, call: Callable[..., Found], arguments: Sequence[tuple[object, ...]]
    ) -> Iterator[Found]:
        """Yield what `call` returns for each of `arguments`.

        Args:
            call: A function of a module: other processes look it up by its name.
            arguments: Whatever can be sent to them.
        """
        if self._pool is None:
            return starmap(call, arguments)
        size = max(1, min(20, len(arguments) // (4 * self._workers)))
        return self._pool.map(call, *zip(*arguments, strict=True), chunksize=size)


@contextmanager
def crew() -> Iterator[Crew]:
    """Provide as many processes as this one may use cores, or none where it has one core."""
    workers = len(os.sched_getaffinity(0))
    if workers == 1:
        yield Crew()
        return
    with ProcessPoolExecutor(workers) as pool:
        yield Crew(pool, workers)

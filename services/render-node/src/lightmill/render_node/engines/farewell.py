"""Sees off what processes that have ended may have left, for many of them at a time."""

import asyncio
from collections.abc import Callable, Sequence

from lightmill.render_node.engines import process_tree


class Farewell:
    """One look at the machine's processes for all that ended since the last one began."""

    def __init__(self, end_all: Callable[[Sequence[str]], None] = process_tree.end_all) -> None:
        self._end_all = end_all
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []
        self._looking: asyncio.Task[None] | None = None

    async def __call__(self, mark: str) -> None:
        """Return when nothing that carries the mark is left."""
        gone = asyncio.get_running_loop().create_future()
        self._waiting.append((mark, gone))
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        await gone

    async def _look(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await asyncio.to_thread(self._end_all, [mark for mark, _ in batch])
                for _, gone in batch:
                    if not gone.done():  # whoever waited may be cancelled
                        gone.set_result(None)
        finally:
            self._looking = None

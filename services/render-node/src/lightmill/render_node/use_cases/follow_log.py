"""Lets people read what an engine prints while it renders."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable


class FollowLog:
    """Stores an attempt's log every few seconds while it grows; to be closed in the end.

    An attempt that ends sooner costs a timer and nothing else.

    Args:
        size: Tells how long the log is.
        store: Stores all of it.
        every: Seconds between two looks.
    """

    def __init__(
        self, *, size: Callable[[], int], store: Callable[[], Awaitable[None]], every: float
    ) -> None:
        self._size = size
        self._store = store
        self._every = every
        self._told = size()
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(every, self._begin)

    async def last(self) -> None:
        """Store the whole log, after what is under way: an older one must not come later."""
        self._over.set()
        self._timer.cancel()
        if self._task is not None:
            await asyncio.wait([self._task])
        await self._store()

    async def close(self) -> None:
        """Store nothing more."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._go_on())

    async def _go_on(self) -> None:
        while not self._over.is_set():
            size = self._size()
            if size > self._told:
                await self._store()
                self._told = size
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._over.wait()

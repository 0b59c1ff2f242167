"""Whether a connection still stands, and calls that end when it does not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiormq.exceptions import AMQPError

from lightmill.broker.ports import LinkLostError

ANSWER_SECONDS = 15.0
"""A broker that answers nothing for so long is as good as gone; the outbox keeps the rows."""

FAULTS = (AMQPError, OSError, TimeoutError, RuntimeError)
"""What aio-pika raises on a connection or a channel in trouble; RuntimeError on a closed one."""

T = TypeVar("T")


class Liveness:
    """The life of one link, from its opening to the first reason for its end."""

    def __init__(self) -> None:
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def end(self, reason: str) -> None:
        """Count the link as lost from now on; the first reason stands."""
        if not self._ended.done():
            self._ended.set_result(reason)

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have `callback` called when the link is lost."""
        self._ended.add_done_callback(lambda _: callback())

    def check(self) -> None:
        """Return while the link stands.

        Raises:
            LinkLostError: it is lost.
        """
        if self._ended.done():
            raise LinkLostError(self._ended.result())

    async def wait(self) -> None:
        """Return when the link is lost."""
        await asyncio.wait({self._ended})

    async def during(self, work: Awaitable[T]) -> T:
        """Return what `work` returns, and give it up when the link is lost before that.

        Raises:
            LinkLostError: the link is lost, or the broker did not answer in ANSWER_SECONDS.
        """
        task = asyncio.ensure_future(work)
        either: set[asyncio.Future[Any]] = {task, self._ended}
        try:
            await asyncio.wait(either, timeout=ANSWER_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if task.cancelled():  # by the driver: so it tells who waits that it closes
                self.end("the connection has been closed")
            elif task.done():
                return task.result()
            self.end(f"the broker did not answer within {ANSWER_SECONDS:g} s")
        except FAULTS as error:
            self.end(words(error))
            raise LinkLostError(self._ended.result()) from error
        finally:
            task.cancel()
            task.add_done_callback(_look_away)
        raise LinkLostError(self._ended.result())


def words(error: BaseException) -> str:
    """Return what went wrong in words, also for errors that carry none."""
    return str(error) or type(error).__name__


def _look_away(task: asyncio.Future[T]) -> None:
    """Take note of an error that nobody waits for any more, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()

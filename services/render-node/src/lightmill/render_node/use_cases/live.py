"""The life of a node: from its first session to having drained."""

import asyncio
from dataclasses import dataclass

import structlog

from lightmill.render_node.use_cases.enrol_node import NotEnrolledError
from lightmill.render_node.use_cases.keep_session import KeepSession
from lightmill.render_node.use_cases.keep_warm import KeepWarm
from lightmill.render_node.use_cases.run_attempts import RunAttempts
from lightmill.render_node.use_cases.watch_machine import WatchMachine

_log = structlog.get_logger(__name__)
_TIDY_SECONDS = 2.0
_SETTLE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Serves the farm until asked to stop, and leaves in good order.

    Attributes:
        drain_seconds: How long running work may go on then.
        watch: Who looks after the machine.
    """

    attempts: RunAttempts
    session: KeepSession
    warm: KeepWarm
    drain_seconds: float
    watch: WatchMachine | None = None

    async def __call__(self, stop: asyncio.Event) -> None:
        """Return when `stop` was set and everything has ended.

        Raises:
            NotEnrolledError: the farm no longer admits the node.
        """
        parts = [self.session(), self._tidy(), *([self.watch()] if self.watch else [])]
        background = [asyncio.create_task(part) for part in parts]
        reasons = [asyncio.create_task(_set(event)) for event in self._reasons(stop)]
        try:
            await asyncio.wait([*background, *reasons], return_when=asyncio.FIRST_COMPLETED)
            for task in background:
                if task.done():
                    task.result()
            await self._leave()
        finally:
            for task in [*background, *reasons]:
                task.cancel()
            await asyncio.gather(*background, *reasons, return_exceptions=True)
            await self.attempts.stop()
            await self.warm.close()
        if self.attempts.not_admitted.is_set():
            raise NotEnrolledError(
                "the farm no longer admits this node; delete identity.json in the state folder"
                " and start with a new enrolment token"
            )

    def _reasons(self, stop: asyncio.Event) -> tuple[asyncio.Event, ...]:
        taken = (self.watch.taken_away,) if self.watch else ()
        return stop, self.attempts.not_admitted, *taken

    async def _leave(self) -> None:
        """Let running work end and its ends be settled, while reports still go out."""
        _log.info("draining", held=len(self.attempts.attempts.held))
        taken = self.watch is not None and self.watch.taken_away.is_set()
        await self.attempts.drain(seconds=self._patience(), taken_away=taken)
        try:
            async with asyncio.timeout(_SETTLE_SECONDS if self.session.connected else 0.0):
                await self.attempts.until_settled()
        except TimeoutError:
            waiting = len(self.attempts.attempts.finishes)
            _log.warning("ends stay in the journal for the next start", finishes=waiting)

    def _patience(self) -> float:
        """Return the seconds for which running work may go on."""
        if self.attempts.not_admitted.is_set():
            return 0.0
        if self.watch is not None and self.watch.taken_away.is_set():
            return min(self.drain_seconds, self.watch.seconds_left)
        return self.drain_seconds

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(_TIDY_SECONDS)
            await self.warm.close_stale()


async def _set(event: asyncio.Event) -> None:
    await event.wait()

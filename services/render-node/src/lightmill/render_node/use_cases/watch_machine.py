"""Looks after the machine: when the node had better take no work, and when it has to leave."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from lightmill.render_node.core.hindrances import Judgement
from lightmill.render_node.ports import Notices, Surroundings
from lightmill.render_node.use_cases.run_attempts import RunAttempts

_log = structlog.get_logger(__name__)
_LOOK_SECONDS = 2.0
_TO_LEAVE = 5.0
"""Seconds before the machine goes by which ends have to be reported."""


class WatchMachine:
    """Pauses the node and lets it go on.

    Attributes:
        taken_away: Set when the machine is about to go.
        seconds_left: In which running work may end then.
    """

    def __init__(
        self,
        *,
        attempts: RunAttempts,
        judge: Judgement,
        surroundings: Surroundings,
        notices: Notices,
        make_room: Callable[[], Awaitable[None]],
        every: float = _LOOK_SECONDS,
    ) -> None:
        self.taken_away = asyncio.Event()
        self.seconds_left = 0.0
        self._attempts = attempts
        self._judge = judge
        self._surroundings = surroundings
        self._notices = notices
        self._make_room = make_room
        self._every = every

    async def __call__(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await self.look()
            await self._heed()
            await asyncio.sleep(self._every)

    async def look(self) -> None:
        """Bring what the node offers into agreement with what the machine is like."""
        now = await asyncio.to_thread(self._surroundings.look)
        hindrances = self._judge(now)
        before = self._attempts.attempts.offer.hindrances
        if any("disk" in reason for reason in hindrances):
            await self._make_room()
        if hindrances != before:
            _log.info("takes no work" if hindrances else "takes work", because=hindrances)
            await self._attempts.hinder(hindrances)
            await asyncio.to_thread(self._surroundings.tell, hindrances)

    async def _heed(self) -> None:
        left = await self._notices()
        if left is not None and not self.taken_away.is_set():
            _log.warning("the machine is taken away", seconds=left)
            self.seconds_left = max(0.0, left - _TO_LEAVE)
            self.taken_away.set()

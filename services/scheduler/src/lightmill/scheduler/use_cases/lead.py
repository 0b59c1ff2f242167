"""One term of one leader: from taking over to losing the lock, the broker or the database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from lightmill.broker.ports import Link, Outgoing
from lightmill.messages.leader_tick import LeaderTick
from lightmill.messages.topology import REPORTS, tick_key
from lightmill.runtime.clock import Clock
from lightmill.scheduler.ports import Ledger
from lightmill.scheduler.use_cases.decide import Decide, News

_QUEUE = 2000
"""Pieces of news that wait for their turn at the most."""

_TURN = 3000
"""What a turn takes in, by weight: were it all that there is, everything else would stand still
while the database writes it, and the database while it is being decided."""

_BREATH = 0.02
"""Seconds for which news come together at the most while a turn is being written. The first after
a pause are decided at once; those that follow share turns, as each costs a transaction."""

_SKEW = timedelta(minutes=10)
"""How far the clocks of api and scheduler may be apart for a sweep to see everything."""


@dataclass(slots=True, kw_only=True)
class Lead:
    """Collects the news of all sources and decides on them, turn by turn.

    Attributes:
        sent: Returns when all that was committed before it was called has left.
    """

    decide: Decide
    ledger: Ledger
    link: Link
    sent: Callable[[], Awaitable[None]]
    clock: Clock
    epoch: int
    beat: float
    sweep: float
    breath: float = _BREATH
    _news: asyncio.Queue[News] = field(default_factory=lambda: asyncio.Queue(_QUEUE))

    async def turns(self) -> None:
        """Decide for ever; the database writes one turn while the next is decided.

        Deciding takes the thread, so the writing is under way before that.

        Raises:
            NotLeaderError: memory and database may differ.
            LinkLostError: nothing can be acknowledged any more.
        """
        async with asyncio.TaskGroup() as tasks:
            writing: asyncio.Task[None] | None = None
            while True:
                turn = await self.decide.decided(await self._gathered())
                if writing is not None:
                    await writing
                writing = tasks.create_task(self.decide.complete(turn))
                await asyncio.wait({writing}, timeout=self.breath)
                if self.decide.turned is not None:
                    await writing  # so that the log of a night can be decided again, turn by turn

    async def _gathered(self) -> list[News]:
        """Return the news that there is, as soon as there is some, up to what a turn takes."""
        pieces = [await self._news.get()]
        weight = pieces[0].weight
        while weight < _TURN and not self._news.empty():
            pieces.append(self._news.get_nowait())
            weight += pieces[-1].weight
        return pieces

    async def listen(self, source: AsyncIterator[News]) -> None:
        """Pass on what `source` brings."""
        async for news in source:
            await self._news.put(news)
            await asyncio.sleep(0)  # much may have come: others have their turn between two pieces

    async def tick(self) -> None:
        """Send a beat through the queue that carries the reports, for ever.

        None passes while orders are held up on their way out: no node can have them yet.
        """
        number = 0
        while True:
            await self.sent()
            number += 1
            self.decide.beats = number
            tick = LeaderTick(epoch=self.epoch, number=number)
            message = Outgoing(
                exchange=REPORTS,
                key=tick_key(self.epoch),
                kind=LeaderTick.routing_key,
                body=tick.body(),
            )
            await self.link.publish([message])
            await asyncio.sleep(self.beat)

    async def look_around(self) -> None:
        """Find what is wanted although its doorbell was lost: at once, then regularly."""
        since = None
        while True:
            started = self.clock.now()
            jobs = await self.ledger.unapplied(since)
            await self._news.put(News(jobs=tuple(jobs), policy=True))
            since = started - _SKEW
            await asyncio.sleep(self.sweep)

    async def hear(self, news: News) -> None:
        """Take in a single piece of news."""
        await self._news.put(news)

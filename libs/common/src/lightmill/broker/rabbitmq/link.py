"""One connection to RabbitMQ: a channel that publishes, and one for each inbox."""

import asyncio
from collections.abc import Sequence
from typing import cast

from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq import Channel
from typing_extensions import override

from lightmill.broker.ports import Inbox, Link, Outgoing
from lightmill.broker.rabbitmq.inbox import RabbitMQInbox
from lightmill.broker.rabbitmq.line import Line
from lightmill.broker.rabbitmq.liveness import Liveness, words
from lightmill.messages.topology import Queue

_IN_FLIGHT = 1000  # unconfirmed at once: enough to fill the line, few enough to be answered soon


class RabbitMQLink(Link):
    """A connection and what goes over it."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._life = Liveness()
        self._line: Line
        connection.close_callbacks.add(self._on_close)

    async def open(self) -> None:
        """Open the channel that publishes."""
        channel = await self._life.during(self._channel())
        underlying = await channel.get_underlay_channel()
        self._line = Line(cast("Channel", underlying))

    @override
    async def publish(self, messages: Sequence[Outgoing]) -> list[bool]:
        taken: list[bool] = []
        for start in range(0, len(messages), _IN_FLIGHT):
            part = messages[start : start + _IN_FLIGHT]
            taken += await self._life.during(self._line.publish(part))
        return taken

    @override
    async def subscribe(self, queue: Queue, *, prefetch: int = 500) -> Inbox:
        channel = await self._life.during(self._channel())
        inbox = RabbitMQInbox(channel, queue, self._life, self.publish)
        await self._life.during(inbox.open(prefetch))
        return inbox

    @override
    async def lost(self) -> None:
        await self._life.wait()

    async def _channel(self) -> AbstractChannel:
        """Return a new channel whose loss is the link's."""
        channel = await self._connection.channel()
        channel.close_callbacks.add(self._on_close)
        return channel

    def end(self) -> None:
        """Count the link as lost, because its holder leaves it."""
        self._life.end("the link has been left")

    def _on_close(self, _: object, error: BaseException | None) -> None:
        if error is None or isinstance(error, asyncio.CancelledError):
            self._life.end("the broker has gone silent")
        else:
            self._life.end(words(error))

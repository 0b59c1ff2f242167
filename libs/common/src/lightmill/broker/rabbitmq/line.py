"""The channel that publishes: many messages leave in one piece, and each is confirmed.

aiormq's `basic_publish` takes each message by itself through a lock, a time limit, four futures
and a turn of the connection's writer, which costs thrice what making its frames does.
"""

import asyncio
from asyncio import Future
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import cast

from aiormq import Channel
from aiormq.abc import ChannelFrame, DeliveredMessage, FrameType
from aiormq.exceptions import ChannelInvalidStateError
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from lightmill.broker.ports import Outgoing

_PERSISTENT = 2
_AT_ONCE = 100
"""Messages that are written into one piece: some milliseconds."""


class Line:
    """One channel of aiormq's, on which nobody else publishes."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._names = map(str, count(1))
        self._turn = asyncio.Lock()

    async def publish(self, messages: Sequence[Outgoing]) -> list[bool]:
        """Return for each message whether a queue took it, once all are confirmed.

        One that the broker refuses, because its queue is just being removed, is sent again: it
        goes elsewhere then, or comes back.

        Raises:
            AMQPError, RuntimeError: the channel is closed, or closes before that.
        """
        taken = [True] * len(messages)
        left = list(range(len(messages)))
        while left:
            batch = await self._send([messages[position] for position in left])
            for place in batch.returned:
                taken[left[place]] = False
            left = [left[place] for place in sorted(batch.refused)]
        return taken

    async def _send(self, messages: Sequence[Outgoing]) -> "_Batch":
        if self._channel.is_closed:
            raise ChannelInvalidStateError("the channel that publishes is closed")
        names = [next(self._names) if message.mandatory else "" for message in messages]
        async with self._turn:  # the broker counts in the order in which messages leave
            batch = _Batch(self._channel.create_future(), len(messages))
            for start in range(0, len(messages), _AT_ONCE):
                some = slice(start, start + _AT_ONCE)
                frames = self._frames(messages[some], names[some], batch, start)
                piece = ChannelFrame.marshall(self._channel.number, frames)
                await self._channel.write_queue.put(piece)
                await asyncio.sleep(0)  # writing frames takes the thread, which others need too
        try:
            await batch.answered
        finally:
            for name in names:
                self._channel.message_id_delivery_tag.pop(name, None)
        return batch

    def _frames(
        self, messages: Sequence[Outgoing], names: Sequence[str], batch: "_Batch", first: int
    ) -> Iterator[FrameType | ContentBody]:
        """Yield the frames of each message, whose confirmation is booked before they leave."""
        channel = self._channel
        for place, (message, name) in enumerate(zip(messages, names, strict=True), first):
            channel.delivery_tag += 1
            confirmation = _Confirmation(batch, place)
            channel.confirmations[channel.delivery_tag] = cast("Future[object]", confirmation)
            if name:  # what comes back is known by its name alone
                channel.message_id_delivery_tag[name] = channel.delivery_tag
            yield Basic.Publish(
                exchange=message.exchange, routing_key=message.key, mandatory=message.mandatory
            )
            yield _header(message, name)
            for start in range(0, len(message.body), channel.max_content_size):
                yield ContentBody(message.body[start : start + channel.max_content_size])


@dataclass(slots=True)
class _Batch:
    """Messages that left together.

    Attributes:
        answered: Done when the broker has answered for each, failed when the channel closes.
        open: For how many it has not.
        returned: Places of those that came back: no queue takes them.
        refused: Places of those that it could not deal with.
    """

    answered: Future[None]
    open: int
    returned: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    def count(self) -> None:
        """Note that one more is answered for."""
        self.open -= 1
        if not self.open and not self.answered.done():
            self.answered.set_result(None)


@dataclass(frozen=True, slots=True)
class _Confirmation:
    """What aiormq's book holds for one message: as much of a future as it uses."""

    batch: _Batch
    place: int

    def done(self) -> bool:
        """Return False: aiormq takes it out of its book with the first answer."""
        return False

    def set_result(self, answer: object) -> None:
        """Take in the confirmation, or the message, come back."""
        if isinstance(answer, DeliveredMessage):
            self.batch.returned.append(self.place)
        self.batch.count()

    def set_exception(self, _: Exception) -> None:
        """Take in the broker's refusal."""
        self.batch.refused.append(self.place)
        self.batch.count()


def _header(message: Outgoing, name: str) -> ContentHeader:
    return ContentHeader(
        properties=Basic.Properties(
            content_type="application/json",
            delivery_mode=_PERSISTENT,
            headers=dict(message.headers),
            message_id=name or None,
            message_type=message.kind,
        ),
        body_size=len(message.body),
    )

"""One RabbitMQ queue being read, on a channel of its own."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import takewhile

from aio_pika.abc import AbstractChannel
from aiormq.abc import DeliveredMessage
from typing_extensions import override

from lightmill.broker.burial import buried
from lightmill.broker.ports import Delivery, Inbox, Outgoing
from lightmill.broker.rabbitmq.liveness import Liveness
from lightmill.messages.topology import Queue

Publish = Callable[[Sequence[Outgoing]], Awaitable[list[bool]]]


class RabbitMQInbox(Inbox):
    """Messages that the broker has pushed and nobody has received yet, and those unsettled."""

    def __init__(
        self, channel: AbstractChannel, queue: Queue, life: Liveness, publish: Publish
    ) -> None:
        self._channel = channel
        self._queue = queue
        self._life = life
        self._publish = publish
        self._pushed: deque[Delivery] = deque()
        self._unsettled: dict[int, None] = {}  # tags in order; a set would lose it
        self._woken = asyncio.Event()
        life.on_end(self._woken.set)

    async def open(self, prefetch: int) -> None:
        """Begin to read; an exclusive queue is declared and bound first.

        A durable one is never declared: a service has no right to, and needs none.
        """
        await self._channel.set_qos(prefetch_count=prefetch)
        if self._queue.durable:
            queue = await self._channel.get_queue(self._queue.name, ensure=False)
        else:
            queue = await self._channel.declare_queue(self._queue.name, exclusive=True)
            for binding in self._queue.bindings:
                await queue.bind(binding.exchange, binding.key)
        underlying = await self._channel.get_underlay_channel()
        underlying.on_consumer_cancel_callbacks.add(self._on_cancel)
        # Of aiormq: aio-pika would make an object of each message that nothing here asks for.
        await underlying.basic_consume(queue.name, self._on_message)

    @override
    async def receive(self, limit: int) -> list[Delivery]:
        while True:
            self._life.check()
            if self._pushed:
                return [self._pushed.popleft() for _ in range(min(limit, len(self._pushed)))]
            self._woken.clear()
            await self._woken.wait()

    @override
    async def settle(self, upto: Delivery) -> None:
        self._life.check()
        tags = list(takewhile(lambda tag: tag <= upto.tag, self._unsettled))  # they count up
        for tag in tags:  # first, so that a call that is cancelled cannot acknowledge twice
            del self._unsettled[tag]
        if tags:  # the last that is not buried: the broker closes on a tag that it has forgotten
            await self._acknowledge(tags[-1], multiple=True)

    @override
    async def bury(self, delivery: Delivery, reason: str) -> None:
        await self._publish([buried(delivery, self._queue.name, reason)])
        if delivery.tag in self._unsettled:
            del self._unsettled[delivery.tag]
            await self._acknowledge(delivery.tag, multiple=False)

    async def _acknowledge(self, tag: int, *, multiple: bool) -> None:
        channel = await self._channel.get_underlay_channel()
        await self._life.during(channel.basic_ack(tag, multiple=multiple))

    async def _on_message(self, message: DeliveredMessage) -> None:
        tag = message.delivery_tag
        if tag is None:  # only messages that were fetched one by one have none
            return
        properties = message.header.properties
        self._unsettled[tag] = None
        self._pushed.append(
            Delivery(
                tag=tag,
                kind=properties.message_type or "",
                key=message.routing_key or "",
                body=message.body,
                headers={
                    k: v for k, v in (properties.headers or {}).items() if isinstance(v, str)
                },
            )
        )
        self._woken.set()

    def _on_cancel(self, _: object) -> None:
        self._life.end(f"the queue {self._queue.name} is gone")

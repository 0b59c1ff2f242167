"""The durable exchanges and queues, made in a broker by `setup`."""

from collections.abc import Iterable

from aio_pika.abc import AbstractChannel
from pamqp.common import Arguments
from yarl import URL

from lightmill.broker.ports import LinkLostError
from lightmill.broker.rabbitmq.connection import close, connect
from lightmill.broker.rabbitmq.liveness import FAULTS, words
from lightmill.messages.topology import DURABLE_QUEUES, EXCHANGES, Exchange, Queue

_QUORUM: Arguments = {"x-queue-type": "quorum", "x-delivery-limit": -1}
"""No delivery limit: a message that cannot be handled is buried by us, with the reason."""


async def declare_topology(
    url: str,
    password: str | None = None,
    *,
    exchanges: Iterable[Exchange] = EXCHANGES,
    queues: Iterable[Queue] = DURABLE_QUEUES,
) -> None:
    """Make what is missing; what is there already is left as it is.

    Raises:
        LinkLostError: no broker answers, the user may not, or a queue of that name is of
            another kind.
    """
    connection = await connect(
        URL(url) if password is None else URL(url).with_password(password), "lightmill setup"
    )
    try:
        channel = await connection.channel()
        for exchange in exchanges:
            await channel.declare_exchange(exchange.name, exchange.kind.value, durable=True)
        for queue in queues:
            await _declare(channel, queue)
    except FAULTS as error:
        raise LinkLostError(f"the topology cannot be declared: {words(error)}") from error
    finally:
        await close(connection)


async def _declare(channel: AbstractChannel, queue: Queue) -> None:
    made = await channel.declare_queue(queue.name, durable=True, arguments=_QUORUM)
    for binding in queue.bindings:
        await made.bind(binding.exchange, binding.key)

"""RabbitMQ, by aio-pika's plain connection.

Not by its robust one: a connection that heals behind the caller's back would turn one session
of a node into another without anybody noticing. Here a link that loses its connection, or any
channel of it, is lost for good, and every call on it says so.
"""

from lightmill.broker.rabbitmq.connection import RabbitMQ
from lightmill.broker.rabbitmq.topology import declare_topology

__all__ = ["RabbitMQ", "declare_topology"]

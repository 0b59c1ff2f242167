"""A Dramatiq worker's module: messages that do nothing but leave one byte each.

Dramatiq imports this module by name, so the broker's URL and the file of those bytes come in
`BENCH_URL` and `BENCH_MARKS`.
"""

import os

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

broker = RabbitmqBroker(url=os.environ["BENCH_URL"], confirm_delivery=True)  # noqa: TID251
dramatiq.set_broker(broker)
_marks = os.open(os.environ["BENCH_MARKS"], os.O_WRONLY | os.O_APPEND)  # noqa: TID251


@dramatiq.actor
def mark() -> None:
    """Leave a byte."""
    os.write(_marks, b".")

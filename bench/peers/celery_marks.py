"""A Celery worker's application: tasks that do nothing but leave one byte each.

Celery imports this module by name, so the broker's URL and the file of those bytes come in
`BENCH_URL` and `BENCH_MARKS`.
"""

import os

from celery import Celery

app = Celery("bench", broker=os.environ["BENCH_URL"])  # noqa: TID251  # no service of ours
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=100,
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
)
_marks = os.open(os.environ["BENCH_MARKS"], os.O_WRONLY | os.O_APPEND)  # noqa: TID251


@app.task(name="bench.mark")
def mark() -> None:
    """Leave a byte."""
    os.write(_marks, b".")

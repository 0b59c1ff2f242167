"""Celery and Dramatiq draining tasks that do nothing, from the same RabbitMQ, on both cores.

They are installed into an environment of the benchmark's own and never enter the product. Their
tasks are all queued before the workers start: what is timed is running and acknowledging them,
from the first to the last, which leaves out what publishing them takes.
"""

import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from draining.servers import Servers
from peers.environment import peers_python

TASKS = 10_000
_MODULES = Path(__file__).parents[1] / "peers"
_WAIT_S = 300.0
_LOOK_S = 0.002
_QUEUE_ALL = "from {module} import mark\nfor _ in range({tasks}): mark.{send}()"


class PeerError(Exception):
    """A peer did not run its tasks."""


def versions() -> Mapping[str, str]:
    """Return what the peers are."""
    ask = "from importlib.metadata import version\nprint(version('celery'), version('dramatiq'))"
    told = subprocess.run(  # noqa: S603  # our own
        [peers_python(), "-c", ask], check=True, capture_output=True, text=True
    )
    return dict(zip(("celery", "dramatiq"), told.stdout.split(), strict=True))


def celery(on: Servers, tasks: int = TASKS) -> float:
    """Return the tasks a second of a Celery worker with two processes."""
    worker = ["celery", "--app", "celery_marks", "worker", "--concurrency", "2"]
    alone = ["--loglevel", "ERROR", "--without-gossip", "--without-mingle"]
    return _rate(on, "celery_marks", "delay", [*worker, *alone], tasks)


def dramatiq(on: Servers, tasks: int = TASKS) -> float:
    """Return the messages a second of Dramatiq with two processes of four threads."""
    worker = ["dramatiq", "dramatiq_marks", "--processes", "2", "--threads", "4"]
    return _rate(on, "dramatiq_marks", "send", worker, tasks)


def _rate(on: Servers, module: str, send: str, worker: Sequence[str], tasks: int) -> float:
    python = str(peers_python())
    with tempfile.NamedTemporaryFile() as marks:
        environment = {
            "BENCH_URL": on.amqp(),
            "BENCH_MARKS": marks.name,
            "PYTHONPATH": str(_MODULES),
            "PATH": "/usr/bin:/bin",
        }
        code = _QUEUE_ALL.format(module=module, tasks=tasks, send=send)
        subprocess.run([python, "-c", code], env=environment, check=True)  # noqa: S603  # our own
        with tempfile.TemporaryFile() as log:
            command = [python, "-m", *worker]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603
            try:
                seconds = _watch(Path(marks.name), tasks, process)
            finally:
                process.terminate()
                process.wait()
    return tasks / seconds


def _watch(marks: Path, tasks: int, process: "subprocess.Popen[bytes]") -> float:
    """Return the seconds from the first byte to the last."""
    began, deadline = None, time.monotonic() + _WAIT_S
    while (done := marks.stat().st_size) < tasks:
        if process.poll() is not None or time.monotonic() > deadline:
            raise PeerError(f"{process.args!r}: {done} of {tasks} tasks were run")
        if done and began is None:
            began = time.monotonic()
        time.sleep(_LOOK_S)
    return time.monotonic() - (began or deadline)

"""Celery and Dramatiq draining tasks that do nothing, from the same RabbitMQ, on both cores.

They are installed into an environment of the benchmark's own and never enter the product. Their
tasks are all queued before the workers start: what is timed is running and acknowledging them,
from the first to the last, which leaves out what publishing them takes.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from draining.servers import Servers

TASKS = 10_000
_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_BIN = _ROOT / ".tools" / "peers" / "bin"
_WAIT_S = 300.0
_LOOK_S = 0.002
_QUEUE_ALL = "from {module} import mark\nfor _ in range({tasks}): mark.{send}()"


class PeerError(Exception):
    """A peer did not run its tasks."""


def install() -> Mapping[str, str]:
    """Make the peers' environment where it is missing; return their versions."""
    wanted = (_HERE / "peers.txt").read_text()
    known = _BIN.parent / "installed.txt"
    if not known.exists() or known.read_text() != wanted:
        uv = shutil.which("uv") or str(_ROOT / ".tools" / "bin" / "uv")
        environment = str(_BIN.parent)
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, environment])
        python = ["--python", str(_BIN / "python")]
        _run([uv, "pip", "install", "--quiet", *python, "-r", str(_HERE / "peers.txt")])
        known.write_text(wanted)
    lines = (line.partition("==") for line in wanted.split())
    return {name.partition("[")[0]: version for name, _, version in lines}


def celery(on: Servers, tasks: int = TASKS) -> float:
    """Return the tasks a second of a Celery worker with two processes."""
    worker = [_BIN / "celery", "-A", "celery_app", "worker", "-c", "2", "-l", "ERROR"]
    return _rate(
        on, "celery_app", "delay", [*worker, "--without-gossip", "--without-mingle"], tasks
    )


def dramatiq(on: Servers, tasks: int = TASKS) -> float:
    """Return the messages a second of Dramatiq with two processes of four threads."""
    worker = [_BIN / "dramatiq", "dramatiq_app", "--processes", "2", "--threads", "4"]
    return _rate(on, "dramatiq_app", "send", worker, tasks)


def _rate(on: Servers, module: str, send: str, worker: Sequence[str | Path], tasks: int) -> float:
    with tempfile.NamedTemporaryFile() as marks:
        environment = {
            "BENCH_URL": on.amqp(),
            "BENCH_MARKS": marks.name,
            "PYTHONPATH": str(_HERE),
            "PATH": "/usr/bin:/bin",
        }
        code = _QUEUE_ALL.format(module=module, tasks=tasks, send=send)
        _run([str(_BIN / "python"), "-c", code], environment)
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(worker, env=environment, stdout=log, stderr=log)  # noqa: S603
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


def _run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    subprocess.run(command, env=environment, check=True)  # noqa: S603  # commands of our own

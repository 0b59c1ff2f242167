"""From the HTTP call that submits a job on an idle farm to the start of its first process.

Api, scheduler and node are processes as the product starts them, on real MySQL, RabbitMQ, Redis
and S3. Celery does the same in turn with the farm: an endpoint INSERTs a row and delays, a worker
UPDATEs it and starts the same program in the same sandbox; once more without one, which no farm
may do. A process has started when it comes to the first line of its program. After each of its
samples the farm is made idle again: the job's workspace is freed, and with it goes the engine.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

import httpx2
from peers.environment import peers_python

from lightmill.client import Farm
from lightmill.domain.job import Work
from lightmill.render_node.engines.launching import find_launch
from lightmill.render_node.engines.sandbox import find_sandbox
from lightmill.render_node.engines.simulated import Simulated
from lightmill.render_node.ports import Launch
from lightmill.testing.ports import free_ports
from lightmill.testing.processes import ProcessFarm, process_farm, servers

SAMPLES = 200
_WARM = 10
_LOOK_S = 0.02
_PATIENCE_S = 30.0
_PAUSE_S = (0.05, 0.35)  # so that samples fall anywhere between two beats
_BEGUN = re.compile(r"begun at ([0-9.]+)")
_DRAW = random.Random(7)
_NEEDS = {"cores": 1, "ram": 2**30}
_LET_BEGIN_S = 0.15
"""Before anybody asks how the job is doing: who asks takes time from what is measured, and the
program itself tells when it began."""
Submit = Callable[[], tuple[float, float]]
"""Submits a job to an idle system and returns when it was submitted and when its process began."""


def run() -> dict[str, object]:
    """Return the figures."""
    with tempfile.TemporaryDirectory(prefix="lightmill-bench-") as place, servers() as on:
        folder = Path(place)
        quiet = round(os.getloadavg()[0], 2)
        with process_farm(on, folder) as farm, _ready(farm) as ours, _celery(farm) as theirs:
            times = _sampled({"farm": ours, **theirs})
    for name, seconds in times.items():
        print(f"{name:12} {_spread(seconds)}")
    p50 = {name: median(seconds) for name, seconds in times.items()}
    return {
        "p50_ms": _ms(p50["farm"]),
        "p99_ms": _ms(_p99(times["farm"])),
        "over_celery": round(p50["farm"] / p50["celery"], 3),
        "over_celery_without_sandbox": round(p50["farm"] / p50["bare celery"], 3),
        "celery_p50_ms": _ms(p50["celery"]),
        "celery_p99_ms": _ms(_p99(times["celery"])),
        "samples": SAMPLES,
        "load_before": quiet,
    }


def _sampled(systems: dict[str, Submit]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in systems}
    for number in range(_WARM + SAMPLES):
        for name, submit in systems.items():
            time.sleep(_DRAW.uniform(*_PAUSE_S))
            submitted, begun = submit()
            if number >= _WARM:
                times[name].append(begun - submitted)
    return times


@contextmanager
def _ready(farm: ProcessFarm) -> Iterator[Submit]:
    """Start the services; the farm is idle and its node online in the block."""
    api = farm.start("api", "api", simulated_engine=True)
    scheduler_port, node_port = free_ports(2)
    scheduler = farm.start("scheduler", "scheduler", health_port=scheduler_port)
    farm.await_api(api)
    farm.await_health(scheduler, scheduler_port)
    node = farm.start("node", "node", node_simulated=True, node_health_port=node_port)
    farm.await_health(node, node_port)
    with (
        httpx2.Client(
            base_url=farm.url, headers={"Authorization": f"Bearer {farm.token}"}
        ) as http,
        Farm(farm.url, farm.token) as client,
    ):
        yield lambda: _by_farm(http, client)


def _by_farm(http: httpx2.Client, client: Farm) -> tuple[float, float]:
    ask = {"name": "first frame", "engine": "simulated", "frames": "1", "needs": _NEEDS}
    submitted = time.monotonic()
    answer = http.post("/api/v1/jobs", json=ask)
    answer.raise_for_status()
    job_id = answer.json()["id"]
    time.sleep(_LET_BEGIN_S)
    client.wait(job_id, step=_LOOK_S)
    (attempt,) = client.attempts(job_id)
    log = http.get(f"/api/v1/jobs/{job_id}/attempts/{attempt.id}/log")
    freed = http.post(f"/api/tasks/{job_id}/cleanup").raise_for_status()
    if not freed.json()["complete"]:
        raise RuntimeError(f"the farm is not idle again: {freed.text}")
    return submitted, _begun(log.raise_for_status().text)


@contextmanager
def _celery(farm: ProcessFarm) -> Iterator[dict[str, Submit]]:
    """Start the peer's endpoint and worker for the block."""
    on, folder = farm.servers, farm.folder
    marks, scratch = folder / "marks", folder / "scratch"
    marks.mkdir()
    scratch.mkdir()
    (port,) = free_ports(1)
    python, where = str(peers_python()), str(Path(__file__).parent / "peers")
    broker = on.rabbitmq.url.replace("@", f":{on.rabbitmq.password}@")
    environment = {
        **os.environ,  # noqa: TID251  # for Python
        "PEER_MARKS": str(marks),
        "PEER_SCRATCH": str(scratch),
        "PEER_PROGRAMS": json.dumps(_programs(scratch)),
        "PEER_BROKER": broker,
        "PEER_DATABASE": f"mysql+pymysql://root:{on.mysql.password}@{on.mysql.host}:{on.mysql.port}/{farm.schema}",
    }
    mains = {
        "celery-web": ("uvicorn", "celery_first_frame:web", "--port", str(port)),
        "celery": ("celery", "--app", "celery_first_frame", "worker", "--concurrency", "1"),
    }
    processes = []
    try:
        for name, main in mains.items():
            with (folder / f"{name}.log").open("wb") as log:
                command = [python, "-m", *main]
                processes.append(
                    subprocess.Popen(  # noqa: S603  # our own command line
                        command, cwd=where, env=environment, stdout=log, stderr=log
                    )
                )
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as http:
            _until(lambda: _answers(http))
            yield {
                "celery": lambda: _by_celery(http, marks, "sandboxed"),
                "bare celery": lambda: _by_celery(http, marks, "bare"),
            }
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(_PATIENCE_S)


def _programs(scratch: Path) -> dict[str, list[str]]:
    """Return how a node starts the engine, and how it would if nothing had to hold it.

    A node has the shell in front of it wait already; Celery's worker starts it with the rest.
    """
    launch = Launch(
        step_id="peer",
        work=Work(engine=Simulated.name),
        project=scratch,
        scratch=scratch,
        cores=1,
        ram=2**30,
        gpus=(),
        log=scratch / "log",
    )
    command = Simulated().command(launch)
    walled = find_launch()(find_sandbox().wrap(command, launch), 2**36)
    parent = str(os.getpid())
    return {
        "sandboxed": ["{parent}" if part == parent else part for part in walled],
        "bare": list(command.argv),
    }


def _by_celery(http: httpx2.Client, marks: Path, program: str) -> tuple[float, float]:
    submitted = time.monotonic()
    ask = {"name": "first frame", "frames": "1", "program": program}
    answer = http.post("/jobs", json=ask)
    answer.raise_for_status()
    mark = marks / answer.json()["id"]
    _until(mark.exists)
    return submitted, _begun(mark.read_text())


def _answers(http: httpx2.Client) -> bool:
    try:
        return http.get("/readyz").is_success
    except httpx2.TransportError:
        return False


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not true():
        if time.monotonic() > deadline:
            sys.exit("nothing came of it in time")
        time.sleep(_LOOK_S)


def _begun(log: str) -> float:
    found = _BEGUN.search(log)
    if found is None:
        raise ValueError(f"the program did not say when it began: {log!r}")
    return float(found[1])


def _p99(seconds: list[float]) -> float:
    return quantiles(seconds, n=100)[-1]


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


def _spread(seconds: list[float]) -> str:
    cuts = quantiles(seconds, n=100)
    shares = {"p50": cuts[49], "p90": cuts[89], "p99": cuts[98], "worst": max(seconds)}
    return "  ".join(f"{name} {_ms(value):7.2f} ms" for name, value in shares.items())

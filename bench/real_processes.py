"""3,000 times /bin/true through the whole farm, beside Slurm and HTCondor.

Api, scheduler and node are processes as the product starts them, on real MySQL, RabbitMQ, Redis
and S3; one node of 32 slots, the engine `command` in a trusted pool. Every frame is a task and a
process of its own; beside it, chunks as the farm chooses them, and the same in bubblewrap. The
peers run in turn with the farm on 32 slots each, in containers from Debian's packages.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from peers.clusters import htcondor, slurm
from peers.contained import PeerMissingError

from lightmill.client import Farm
from lightmill.testing.ports import free_ports
from lightmill.testing.processes import ProcessFarm, process_farm, servers

JOBS = int(os.environ.get("REAL_PROCESSES_JOBS", "3000"))  # noqa: TID251  # to try it out
ROUNDS = int(os.environ.get("REAL_PROCESSES_ROUNDS", "2"))  # noqa: TID251  # likewise
SLOTS = 32
_RAM = 2**28
_LOOK_S = 0.05

Rate = Callable[[int], float]
"""Runs the program so many times and returns how many it has run in a second."""


def run() -> dict[str, object]:
    """Return the figures."""
    quiet = round(os.getloadavg()[0], 2)
    with ExitStack() as stack:
        versions: dict[str, str] = {}
        systems: dict[str, Rate] = dict(stack.enter_context(_farm()))
        for name, peer in (("slurm", slurm), ("htcondor", htcondor)):
            try:
                found = stack.enter_context(peer())
            except PeerMissingError as error:
                print(f"{name} cannot be had: {error}")
                continue
            systems[name], versions[name] = found.rate, found.version()
        rates = _measured(systems)
    return {
        "jobs_per_second": round(rates["farm"], 1),
        **_over("slurm", rates),
        **_over("htcondor", rates),
        "in_chunks_per_second": round(rates["in chunks"], 1),
        "sandboxed_per_second": round(rates["sandboxed"], 1),
        "jobs": JOBS,
        "rounds": ROUNDS,
        "load_before": quiet,
        "versions": versions,
    }


def _measured(systems: dict[str, Rate]) -> dict[str, float]:
    """Return the median rate of each system; they take turns."""
    rates: dict[str, list[float]] = {name: [] for name in systems}
    for _ in range(ROUNDS):
        for name, rate in systems.items():
            rates[name].append(rate(JOBS))
            print(f"{name:10} {rates[name][-1]:7.1f} a second")
    return {name: median(found) for name, found in rates.items()}


def _over(peer: str, rates: dict[str, float]) -> dict[str, float | None]:
    theirs = rates.get(peer)
    if theirs is None:
        return {f"over_{peer}": None}
    return {
        f"over_{peer}": round(rates["farm"] / theirs, 2),
        f"{peer}_per_second": round(theirs, 1),
    }


@contextmanager
def _farm() -> Iterator[dict[str, Rate]]:
    """Start the services; the farm is idle and its nodes online in the block."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lightmill-bench-")))
        farm = stack.enter_context(process_farm(stack.enter_context(servers()), place))
        try:
            _start(farm)
            client = stack.enter_context(Farm(farm.url, farm.token))
            yield {
                "farm": lambda jobs: _rate(client, jobs, "open", chunk=1),
                "in chunks": lambda jobs: _rate(client, jobs, "open"),
                "sandboxed": lambda jobs: _rate(client, jobs, "walled", chunk=1),
            }
        except BaseException:
            for service in farm.running:
                print(f"--- {service.name}\n{service.told()}")
            raise


def _start(farm: ProcessFarm) -> None:
    api = farm.start("api", "api", trusted_pools='["open", "walled"]')
    (port,) = free_ports(1)
    scheduler = farm.start("scheduler", "scheduler", health_port=port)
    farm.await_api(api)
    farm.await_health(scheduler, port)
    for pool in ("open", "walled"):
        (port,) = free_ports(1)
        node = farm.start(
            "node",
            pool,
            node_command=True,
            node_pools=pool,
            node_walls=pool == "walled",
            node_cores=SLOTS,
            node_ram=2 * SLOTS * _RAM,
            node_health_port=port,
        )
        farm.await_health(node, port)


def _rate(client: Farm, jobs: int, pool: str, **more: object) -> float:
    began = time.monotonic()
    job_id = client.submit(
        name="true",
        frames=f"1-{jobs}",
        engine="command",
        pool=pool,
        needs={"cores": 1, "ram": _RAM, "pool": pool},
        settings={"command": ["/bin/true"], "format": "NONE"},
        **more,
    )
    client.wait(job_id, step=_LOOK_S)
    return jobs / (time.monotonic() - began)

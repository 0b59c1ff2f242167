"""Handing out and settling OpenCue's stress shape on real MySQL and RabbitMQ, beside its peers.

1,200 simulated nodes in other processes keep the protocol on queues of their own. First ten
drains in which they hold what they get: from the first doorbell to the last committed assignment.
Then ten times the frames in a whole cycle: from the first doorbell to the last finish settled. In
the same run: Celery, Dramatiq, and workers that claim rows with FOR UPDATE SKIP LOCKED.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from statistics import median

from draining import audit, queues
from draining.claimer import skip_locked
from draining.pace import pace
from draining.processes import Fleet, fleet, scheduler
from draining.processor import Meter, parts
from draining.servers import Servers, new_schema, servers
from draining.shape import Shape, submit
from draining.watch import handed_out, nothing_left, online

from lightmill.storage.sql.database import Database

RUNS = 5
DRAINS = 10
SHAPE = Shape()
LONG = replace(SHAPE, frames=10 * SHAPE.frames)
CHUNKED = replace(LONG, chunk=None)


def run() -> dict[str, object]:
    """Return the figures."""
    with servers() as on:
        measured = []
        for number in range(RUNS):
            measured.append(_once(on))
            print(f"run {number + 1}:", {name: round(it, 2) for name, it in measured[-1].items()})
    return {
        **{name: _spread([run[name] for run in measured]) for name in measured[0]},
        "load_after": round(os.getloadavg()[0], 1),
        "versions": queues.versions(),
    }


def _once(on: Servers) -> dict[str, float]:
    """Return the figures of one run: the farm, then its peers."""
    rates = dict(asyncio.run(_farm(on)))
    cycle = rates["cycle_per_second"]
    claimed = asyncio.run(_claimed(on))
    rates["over_skip_locked"] = cycle / claimed
    rates["over_celery"] = cycle / queues.celery(on)
    rates["over_dramatiq"] = cycle / queues.dramatiq(on)
    return rates


def _spread(values: list[float]) -> dict[str, float]:
    digits = 3 if max(values) < 100 else 0  # noqa: PLR2004  # ratios, or frames
    named = {"min": min(values), "median": median(values), "max": max(values)}
    return {name: round(value, digits) for name, value in named.items()}


async def _claimed(on: Servers) -> float:
    return await skip_locked(on, await new_schema(on), SHAPE)


async def _farm(on: Servers) -> Mapping[str, float]:
    """Return the rates, and the processor time of a frame by part."""
    schema = await new_schema(on)
    database = Database.open(on.mysql.url(schema), on.mysql.password)
    try:
        async with (
            scheduler(on, schema, SHAPE) as leader,
            fleet(on, SHAPE) as nodes,
            pace() as machine,
        ):
            await online(database, SHAPE.nodes)
            use = parts(on, leader.pid, nodes.numbers)
            handing = Meter(use)
            machine.microseconds()
            taken = [await _drain(on, database, nodes, n) for n in range(DRAINS)]
            handed = handing.microseconds(DRAINS * SHAPE.total)
            paces = {"handing_out_pace_us": machine.microseconds()}
            nodes.tell("finish")
            cycling = Meter(use)
            cycle = await _cycle(on, database, nodes, LONG)
            cycled = cycling.microseconds(LONG.total)
            paces["cycle_pace_us"] = machine.microseconds()
            chunked = await _cycle(on, database, nodes, CHUNKED)
            ledgers = await nodes.ledger()
            await nothing_left(database)
        rounds = {SHAPE: DRAINS, LONG: 1, CHUNKED: 1}
        await audit.when_done(database, SHAPE, ledgers, rounds)
    finally:
        await database.close()
    return {
        "frames_per_second": SHAPE.total * DRAINS / sum(taken),
        "cycle_per_second": LONG.total / cycle,
        "default_chunks_per_second": CHUNKED.total / chunked,
        **paces,
        **{f"handing_out_{name}_us": used for name, used in handed.items()},
        **{f"cycle_{name}_us": used for name, used in cycled.items()},
    }


async def _drain(on: Servers, database: Database, nodes: Fleet, drained: int) -> float:
    """Return the seconds until every frame of one workload is assigned; then let it end."""
    nodes.tell("hold")
    doorbells = await submit(database, SHAPE)
    async with on.broker.connect("bench") as link:
        began = time.monotonic()
        await link.publish(doorbells)
        await handed_out(database, SHAPE.total)
        taken = time.monotonic() - began
    await audit.while_held(database, SHAPE)
    nodes.tell("finish")
    await nodes.settle((drained + 1) * SHAPE.total)
    print(f"  {SHAPE.total} frames handed out in {taken:.2f} s")
    return taken


async def _cycle(on: Servers, database: Database, nodes: Fleet, work: Shape) -> float:
    """Return the seconds until every frame of `work` is settled."""
    settled = nodes.settled
    doorbells = await submit(database, work)
    async with on.broker.connect("bench") as link:
        began = time.monotonic()
        await link.publish(doorbells)
        await nodes.settle(settled + work.total)
        taken = time.monotonic() - began
    print(f"  {work.total} frames rendered and settled in {taken:.2f} s")
    return taken

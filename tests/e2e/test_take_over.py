"""Two schedulers, of which the one that leads is killed again and again while tasks run.

Everything is a process as it is started everywhere, on real servers. What a node has run is told
by its engines' own logs.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from sqlalchemy import text

from lightmill.client import Farm
from lightmill.storage.sql.database import Database
from lightmill.testing.ports import free_ports
from lightmill.testing.processes import ProcessFarm, Servers, Service, process_farm

pytestmark = [pytest.mark.backing, pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1200)]

BATCH = 100
SECONDS = 3.0
REQUEST: Mapping[str, Any] = {
    "name": "a batch of tasks",
    "frames": f"1-{BATCH}",
    "engine": "simulated",
    "needs": {"cores": 1, "ram": 2**28},
    "chunk": 1,
}
SLICE = 0.01
PATIENCE = 120.0
RUN = re.compile(r"^wrote (\d+)\.png ", re.MULTILINE)
STANDING = """
    SELECT (SELECT epoch FROM leadership) AS epoch, (SELECT holder FROM leadership) AS holder,
    (SELECT COUNT(*) FROM results) AS results, (SELECT COUNT(*) FROM attempts) AS attempts
"""
WAITING = "SELECT COUNT(*) FROM performance_schema.processlist WHERE info LIKE 'SELECT GET_LOCK(%'"


@dataclass(frozen=True, slots=True)
class Standing:
    """Who leads, and how much has been committed."""

    epoch: int
    holder: str
    results: int
    attempts: int


@dataclass(slots=True)
class Stage:
    """A farm with two schedulers and two nodes."""

    farm: ProcessFarm
    database: Database
    schedulers: dict[str, Service] = field(default_factory=dict)
    started: int = 0

    def start_scheduler(self) -> None:
        self.started += 1
        name = f"scheduler-{self.started}"
        self.schedulers[name] = self.farm.start("scheduler", name, name=name)

    async def standing(self) -> Standing:
        async with self.database.reading() as connection:
            row = (await connection.execute(text(STANDING))).one()
        return Standing(row.epoch or 0, row.holder or "", row.results, row.attempts)

    async def stood_by(self) -> bool:
        """Tell whether somebody leads and somebody else waits for that to end."""
        async with self.database.reading() as connection:
            waiting = (await connection.execute(text(WAITING))).scalar_one()
        return waiting > 0 and (await self.standing()).holder in self.schedulers

    async def nodes_known(self) -> bool:
        """Tell whether the leader has heard both nodes."""
        return len(await self.column("SELECT id FROM nodes WHERE state = 'ONLINE'")) == 2

    async def kill_the_leader(self, wanted: int) -> float:
        """Return the seconds from the kill to the first commit of the next leader.

        Args:
            wanted: The results that there will be; once there are, nothing is left to commit.
        """
        before = await self.standing()
        killed = self.schedulers.pop(before.holder).kill()
        first = await self.changed(before, lambda now: now.epoch > before.epoch)
        committed = first.results, first.attempts
        await self.changed(
            first,
            lambda now: now.results == wanted or (now.results, now.attempts) != committed,
        )
        return time.monotonic() - killed

    async def changed(self, known: Standing, enough: Callable[[Standing], bool]) -> Standing:
        """Return the first state of things that is enough."""
        async with asyncio.timeout(PATIENCE):
            while not enough(known):
                await asyncio.sleep(SLICE)
                known = await self.standing()
        return known

    async def blow(self, client: Farm) -> float:
        """Kill the leader soon after a batch of tasks has begun; return when all of it is done."""
        before = (await self.standing()).results
        job = await asyncio.to_thread(client.submit, **REQUEST)

        async def under_way() -> bool:
            return (await self.standing()).results >= before + BATCH // 10

        await until(under_way)
        seconds = await self.kill_the_leader(before + BATCH)
        self.start_scheduler()
        await asyncio.to_thread(client.wait, job)
        await until(self.stood_by)
        return seconds

    async def column(self, query: str) -> list[Any]:
        """Return the only column of a query."""
        async with self.database.reading() as connection:
            return list((await connection.execute(text(query))).scalars())

    def runs(self) -> Counter[tuple[str, int]]:
        """Return how often each frame of each job was run to its end, by the engines' logs."""
        logs = self.farm.folder.glob("node-*/workspace/*/*/logs/*.log")
        return Counter(
            (log.parts[-3], int(frame)) for log in logs for frame in RUN.findall(log.read_text())
        )


@pytest.fixture
def process_stage(servers: Servers, tmp_path: Path) -> Iterator[ProcessFarm]:
    with process_farm(servers, tmp_path) as farm:
        farm.await_api(farm.start("api", "api", simulated_engine=True))
        ports = free_ports(2)
        nodes = [
            farm.start(
                "node",
                f"node-{number}",
                node_simulated=True,
                node_cores=2,
                node_ram=2**31,
                node_health_port=port,
            )
            for number, port in enumerate(ports)
        ]
        for node, port in zip(nodes, ports, strict=True):
            farm.await_health(node, port)
        yield farm


@asynccontextmanager
async def staged(farm: ProcessFarm) -> AsyncIterator[Stage]:
    server = farm.servers.mysql
    database = Database.open(server.url(farm.schema), server.password)
    stage = Stage(farm, database)
    try:
        for _ in range(2):
            stage.start_scheduler()
        yield stage
    finally:
        await database.close()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await true():  # noqa: ASYNC110  # rows tell of nothing by themselves
            await asyncio.sleep(SLICE)


@pytest.mark.parametrize(
    ("kills", "limit"),
    [
        pytest.param(4, 3 * SECONDS, id="short"),  # beside other tests, on whatever machine
        pytest.param(20, SECONDS, id="long", marks=pytest.mark.chaos),
    ],
)
async def test_leaders_are_killed_and_no_task_is_lost_or_run_twice(
    process_stage: ProcessFarm, kills: int, limit: float, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = kills * BATCH
    async with staged(process_stage) as stage:
        await until(stage.stood_by)
        await until(stage.nodes_known)
        with Farm(process_stage.url, process_stage.token) as client:
            began = time.monotonic()
            taken = [await stage.blow(client) for _ in range(kills)]
            seconds = time.monotonic() - began
        frames = await stage.column("SELECT CONCAT(job_id, '/', frame) FROM results")
        states = Counter(await stage.column("SELECT state FROM attempts"))
    with capsys.disabled():
        print(  # noqa: T201  # figures that the run is for
            f"\n{kills} leaders killed during {tasks} tasks in {seconds:.0f} s; take-over: least "
            f"{min(taken):.2f}, median {median(taken):.2f}, most {max(taken):.2f} s; {states}"
        )
    assert len(frames) == len(set(frames)) == tasks
    assert {f"{job}/{frame}" for job, frame in stage.runs()} == set(frames)
    assert set(stage.runs().values()) == {1}
    assert max(taken) <= limit

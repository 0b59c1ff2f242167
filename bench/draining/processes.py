"""The scheduler and the simulated nodes, each in processes of its own."""

import asyncio
import json
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from draining.servers import Servers
from draining.shape import Shape

_NODE_PROCESSES = 2
_WAIT_S = 180.0
NODES_A_BEAT = 500


class Fleet:
    """The simulated nodes, as the benchmark drives them."""

    def __init__(self, processes: list[Process]) -> None:
        self._processes = processes
        self._said: list[dict[str, Any]] = [{} for _ in processes]
        self._woken = asyncio.Event()

    @property
    def numbers(self) -> list[int]:
        """Return the ids of the processes."""
        return [process.pid for process in self._processes]

    @property
    def settled(self) -> int:
        """Return how many frames have become results, all nodes together."""
        return sum(said.get("settled", 0) for said in self._said)

    async def listen(self) -> None:
        """Take in what the processes say, for ever."""
        await asyncio.gather(*map(self._hear, range(len(self._processes))))

    async def _hear(self, index: int) -> None:
        stdout = self._processes[index].stdout
        while stdout is not None and (line := await stdout.readline()):
            self._said[index].update(json.loads(line))
            self._woken.set()

    def tell(self, word: str) -> None:
        """Send `word` to every process."""
        for process in self._processes:
            if process.stdin is not None:
                process.stdin.write(f"{word}\n".encode())

    async def ready(self) -> None:
        """Return when every node has its queue and has reported."""
        await self._until(lambda: all("ready" in said for said in self._said))

    async def settle(self, total: int) -> None:
        """Return when `total` frames are settled."""
        await self._until(lambda: self.settled >= total)

    async def ledger(self) -> list[dict[str, Any]]:
        """Return what the nodes of each process have seen."""
        for said in self._said:
            said.pop("ledger", None)
        self.tell("ledger")
        await self._until(lambda: all("ledger" in said for said in self._said))
        return self._said

    async def _until(self, holds: Any) -> None:  # noqa: ANN401  # a condition
        async with asyncio.timeout(_WAIT_S):
            while not holds():
                self._woken.clear()
                await self._woken.wait()


@asynccontextmanager
async def fleet(on: Servers, shape: Shape) -> AsyncIterator[Fleet]:
    """Give simulated nodes that are there and hold what they get."""
    script = Path(__file__).with_name("node_process.py")
    count = -(-shape.nodes // _NODE_PROCESSES)
    beat = max(1.0, shape.nodes / NODES_A_BEAT)
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, script, on.amqp(), str(first)),
            *(str(min(count, shape.nodes - first)), str(shape.tags), str(beat)),
            stdin=PIPE,
            stdout=PIPE,
            limit=2**24,
        )
        for first in range(0, shape.nodes, count)
    ]
    nodes = Fleet(processes)
    listening = asyncio.create_task(nodes.listen())
    try:
        await nodes.ready()
        yield nodes
    finally:
        for process in processes:
            if process.stdin is not None:
                process.stdin.close()
        await asyncio.gather(*(process.wait() for process in processes))
        listening.cancel()


@asynccontextmanager
async def scheduler(on: Servers, schema: str, shape: Shape) -> AsyncIterator[Process]:
    """Give a scheduler process: the product's own, as it is deployed."""
    beat = max(1.0, shape.nodes / NODES_A_BEAT)
    environment = {**on.environment(schema), "LIGHTMILL_BEAT": str(beat)}
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "lightmill.scheduler.main"),
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        except BaseException:
            log.seek(0)
            print(log.read().decode()[-4000:])
            raise
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()

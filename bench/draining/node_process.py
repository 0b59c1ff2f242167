"""A process with many simulated nodes: each has a queue and a session of its own.

`python node_process.py URL FIRST COUNT TAGS BEAT`. Read from standard input, a line each: `hold`
(keep what is ordered), `finish` (end it at once), `ledger` (say what the nodes have seen). Written
to standard output, a line of JSON each: `{"ready"}`, `{"settled"}` whenever it has grown, and
`{"ledger", "wrong"}`.
"""

import asyncio
import json
import random
import sys
from collections.abc import Iterable
from pathlib import Path

import aiormq
from aiormq import Channel
from aiormq.abc import DeliveredMessage

sys.path.insert(0, str(Path(__file__).parents[1]))

from draining.node import SimulatedNode

from lightmill.broker.ports import Outgoing
from lightmill.broker.rabbitmq.line import Line
from lightmill.messages.node_report import NodeReport
from lightmill.messages.topology import NODES, REPORTS, session_key
from lightmill.runtime.garbage import spare_the_living
from lightmill.runtime.ids import new_id

_KIND = NodeReport.routing_key
_PREFETCH = 1000
_ROUND = 0.005  # seconds between two looks at who has something to report
_LOOKS = 50  # in a beat, at who has to report although nothing has come for it


class Nodes:
    """The nodes of this process, on one connection."""

    def __init__(
        self, channel: Channel, line: Line, nodes: dict[str, SimulatedNode], beat: float
    ) -> None:
        self._channel = channel
        self._line = line
        self._nodes = nodes
        self._beat = beat
        self._woken = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        self._stirred: dict[str, SimulatedNode] = {}
        self._last_tag = 0
        self._told = 0

    async def open(self) -> None:
        """Make and read each node's own queue, and tell the leader of the nodes."""
        await self._channel.basic_qos(prefetch_count=_PREFETCH)
        for key in self._nodes:
            await self._channel.queue_declare(key, exclusive=True)
            await self._channel.queue_bind(key, NODES, key)
            await self._channel.basic_consume(key, self._hear)
        NodeReport.model_validate_json(next(iter(self._nodes.values())).report(0.0))
        await self._report(self._nodes.values())
        for node in self._nodes.values():  # the next are spread over a beat, as a farm's are
            node.reported -= random.random() * self._beat
        say(ready=len(self._nodes))

    async def _hear(self, message: DeliveredMessage) -> None:
        node = self._nodes[str(message.delivery.routing_key)]
        node.hear(str(message.header.properties.message_type), message.body, self._clock())
        self._stirred[node.id] = node
        self._last_tag = int(message.delivery.delivery_tag or 0)
        self._woken.set()

    async def work(self) -> None:
        """Acknowledge what has come, report what has changed, and tell how much is settled."""
        acknowledged = 0
        while True:
            await self._woken.wait()
            self._woken.clear()
            if acknowledged < self._last_tag:
                acknowledged = self._last_tag
                await self._channel.basic_ack(acknowledged, multiple=True)
            await self._report(self._due())
            settled = sum(node.applied for node in self._nodes.values())
            if settled != self._told:
                self._told = settled
                say(settled=settled)
            await asyncio.sleep(_ROUND)

    def _due(self) -> list[SimulatedNode]:
        """Return who has something to report now; who has to wait is looked at again."""
        now = self._clock()
        stirred, self._stirred = self._stirred, {}
        due = [node for node in stirred.values() if node.may_report(now)]
        # Who waits for an answer is looked at when that comes, or else with the beats.
        early = (node for node in stirred.values() if node.changed and not node.told)
        self._stirred.update((node.id, node) for node in early if not node.may_report(now))
        if self._stirred:
            self._woken.set()
        return due

    async def beat(self) -> None:
        """Report for who has not done so for a beat, or has waited long enough for an answer."""
        while True:
            await asyncio.sleep(self._beat / _LOOKS)
            now = self._clock()
            due = now - self._beat
            await self._report(
                node
                for node in self._nodes.values()
                if node.reported < due or (node.changed and node.may_report(now))
            )

    def command(self, word: str) -> None:
        """Do as the benchmark says."""
        if word == "ledger":
            ledger = {node.id: node.applied for node in self._nodes.values()}
            wrong = [f"{node.id}: {it}" for node in self._nodes.values() for it in node.wrong]
            refused = sum(node.refused for node in self._nodes.values())
            held = sum(len(node.held) + len(node.unsettled) for node in self._nodes.values())
            reports = sum(node.sequence for node in self._nodes.values())
            heard = sum(node.heard for node in self._nodes.values())
            ended = sum(node.ended for node in self._nodes.values())
            counts = {"reports": reports, "heard": heard, "ended": ended}
            say(ledger=ledger, wrong=wrong, refused=refused, held=held, **counts)
        for node in self._nodes.values():
            node.finishes = word == "finish" or (node.finishes and word != "hold")
            if node.finishes:
                node.finish()
        self._stirred.update((node.id, node) for node in self._nodes.values())
        self._woken.set()

    async def _report(self, nodes: Iterable[SimulatedNode]) -> None:
        now = self._clock()
        reports = []
        for node in nodes:
            body = node.report(now)
            reports.append(Outgoing(exchange=REPORTS, key=_KIND, kind=_KIND, body=body))
        if reports:
            await self._line.publish(reports)


def say(**what: object) -> None:
    """Tell the benchmark."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def main(url: str, first: int, count: int, tags: int, seconds: float) -> None:
    """Be `count` nodes until standard input ends."""
    numbers = range(first, first + count)
    made = [SimulatedNode(f"node{n:05}", new_id(), f"tag{n % tags}") for n in numbers]
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    connection = await aiormq.connect(url)
    channel, line = await connection.channel(), Line(await connection.channel())
    nodes = Nodes(
        channel, line, {session_key(node.id, node.session): node for node in made}, seconds
    )
    await nodes.open()
    spare_the_living()
    tasks = [asyncio.create_task(nodes.work()), asyncio.create_task(nodes.beat())]
    while line := await lines.readline():
        nodes.command(line.decode().strip())
    for task in tasks:
        task.cancel()
    await connection.close()


if __name__ == "__main__":
    address, begin, number, labels, pause = sys.argv[1:]
    asyncio.run(main(address, int(begin), int(number), int(labels), float(pause)))

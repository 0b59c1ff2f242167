"""A node that the broker has lost finishes what it has, and delivers when it is back.

Everything is a process as it is started everywhere, on real servers. What connects one node with
the broker is cut in the middle of a frame.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from tests.e2e.cable import Cable, cable

from lightmill.client import Farm
from lightmill.client.models import Attempt
from lightmill.render_node.adapters.journal import peek
from lightmill.testing.processes import ProcessFarm, Servers, process_farm

pytestmark = [pytest.mark.backing, pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

FRAME: Mapping[str, Any] = {
    "name": "one frame",
    "frames": "1",
    "engine": "simulated",
    "settings": {"seconds": 8, "width": 32, "height": 18},
    "needs": {"cores": 1, "ram": 2**28},
    "allow_waiting": True,  # for the node to be known
}
SIZE = {"node_cores": 1, "node_ram": 2**30, "node_simulated": True}
PATIENCE = 60.0
Eventually = Callable[[Callable[[], object], float], object]


@dataclass(slots=True)
class Stage:
    """A farm without a leader, of which one node, `far`, hangs on a cable."""

    farm: ProcessFarm
    client: Farm
    line: Cable
    eventually: Eventually
    job: str = ""

    @contextmanager
    def led(self, beat: float) -> Iterator[None]:
        """Have a leader for the block; a lease is four beats of so many seconds."""
        leader = self.farm.start("scheduler", "scheduler", beat=beat)
        try:
            yield
        finally:
            leader.kill()

    @contextmanager
    def another_node(self) -> Iterator[None]:
        """Have a node beside it for the block."""
        node = self.farm.start("node", "near", **SIZE)
        try:
            yield
        finally:
            node.kill()

    def lose_in_mid_frame(self) -> Attempt:
        """Return an attempt that the far node has begun; its cable is cut then."""
        self.job = self.client.submit(**FRAME)
        self.eventually(lambda: self.states() == {"far": "RUNNING"}, PATIENCE)
        self.line.cut()
        (attempt,) = self.client.attempts(self.job)
        return attempt

    def states(self) -> dict[str, str]:
        """Return for each node the state of its attempt."""
        attempts = self.client.attempts(self.job)
        names = {
            node.id: node.name for node in self.client.nodes()
        }  # after: whoever has one is known
        return {names[one.node_id]: one.state for one in attempts}

    def untold(self) -> list[str]:
        """Return the attempts that the far node has finished, and of which nobody has settled."""
        kept = peek(self.farm.folder / "far/journal.sqlite").finishes
        return [finish.attempt_id for finish in kept if len(finish.delivered) == 1]

    def deliverers(self) -> list[str]:
        """Return whose attempt made each result."""
        return [result.attempt_id for result in self.client.results(self.job)]

    def told(self, what: str) -> str:
        """Return what the api tells of the job."""
        token = {"Authorization": f"Bearer {self.farm.token}"}
        answer = httpx2.get(f"{self.farm.url}/api/v1/jobs/{self.job}/{what}", headers=token)
        return answer.raise_for_status().text


@pytest.fixture(scope="module")
def stage(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory, eventually: Eventually
) -> Iterator[Stage]:
    broker = urlsplit(servers.rabbitmq.url)
    assert broker.hostname
    assert broker.port
    with (
        cable(broker.hostname, broker.port) as line,
        process_farm(servers, tmp_path_factory.mktemp("farm")) as farm,
    ):
        farm.await_api(farm.start("api", "api", simulated_engine=True))
        amqp = f"amqp://lightmill_node@127.0.0.1:{line.port}{broker.path}"
        farm.start("node", "far", amqp_url=amqp, **SIZE)
        with Farm(farm.url, farm.token) as client:
            yield Stage(farm, client, line, eventually)


def test_what_was_finished_offline_counts_while_its_attempt_is_current(stage: Stage) -> None:
    with stage.led(beat=10):
        attempt = stage.lose_in_mid_frame()
        stage.eventually(lambda: stage.untold() == [attempt.id], PATIENCE)
        assert stage.states() == {"far": "RUNNING"}  # as far as the farm knows
        stage.line.mend()
        stage.client.wait(stage.job, step=0.1)
        assert stage.states() == {"far": "SUCCEEDED"}
        assert stage.deliverers() == [attempt.id]
        stage.eventually(lambda: stage.untold() == [], PATIENCE)


def test_what_was_finished_offline_too_late_is_settled_and_not_applied(stage: Stage) -> None:
    with stage.led(beat=1):
        late = stage.lose_in_mid_frame()
        with stage.another_node():
            stage.eventually(lambda: stage.untold() == [late.id], PATIENCE)
            stage.client.wait(stage.job, step=0.1)  # by the lease, which has run out
        stage.line.mend()
        stage.eventually(lambda: stage.untold() == [], PATIENCE)
        assert stage.states() == {"far": "LOST", "near": "SUCCEEDED"}
        assert late.id not in stage.deliverers()
        assert "LOST" in stage.told("history")
        assert "wrote 0001.png" in stage.told(f"attempts/{late.id}/log")

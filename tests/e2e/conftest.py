"""One farm in containers for all tests here: two nodes, two apis, ports of its own."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import pytest

from lightmill.client import Farm
from lightmill.testing.compose import ComposeFarm
from lightmill.testing.containers import MysqlServer, RabbitServer, RedisServer, S3Server
from lightmill.testing.ports import free_ports
from lightmill.testing.processes import Servers

ROOT = Path(__file__).parents[2]
PORTS = ("HTTP", "HTTP_ALT", "S3", "MYSQL", "REDIS", "AMQP", "CONSOLE")

Value = TypeVar("Value")


def settings_of_a_test() -> Mapping[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()  # noqa: TID251  # for docker, less the farm's own settings
        if not name.startswith(("LIGHTMILL_", "COMPOSE_"))
    }
    ports = zip(PORTS, free_ports(len(PORTS)), strict=True)
    return {
        **inherited,
        **{f"LIGHTMILL_{name}_PORT": str(port) for name, port in ports},
        "LIGHTMILL_SIMULATED_ENGINE": "true",
        "LIGHTMILL_NODE_CORES": "1",
        "LIGHTMILL_NODE_IDLE_SECONDS": "5",
    }


@pytest.fixture(scope="session")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeFarm]:
    """An unstarted project; whatever a test starts of it is deleted at the end."""
    secrets = tmp_path_factory.mktemp("secrets")
    farm = ComposeFarm(
        root=ROOT,
        environment={**settings_of_a_test(), "LIGHTMILL_SECRETS": str(secrets)},
        project=f"lightmill-e2e-{uuid4().hex[:8]}",
        secrets=secrets,
    )
    yield farm
    farm.down()


@pytest.fixture(scope="session")
def farm(compose: ComposeFarm) -> ComposeFarm:
    """The whole farm, ready."""
    compose.up(nodes=2, apis=2)
    return compose


@pytest.fixture
def client(farm: ComposeFarm) -> Iterator[Farm]:
    """The farm as its administrator uses it from outside."""
    url = f"http://{farm.address('proxy', 3000)}"
    with Farm(url, farm.secret("admin_token")) as client:
        yield client


@pytest.fixture(scope="session")
def servers(
    mysql_server: MysqlServer,
    rabbitmq_server: RabbitServer,
    redis_server: RedisServer,
    s3_server: S3Server,
) -> Servers:
    """What a farm of processes stands on."""
    return Servers(mysql=mysql_server, rabbitmq=rabbitmq_server, redis=redis_server, s3=s3_server)


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], Value], float], Value]:
    """Returns what `look` returns once that is true; fails after so many seconds."""

    def wait(look: Callable[[], Value], seconds: float) -> Value:
        deadline = time.monotonic() + seconds
        while not (seen := look()):
            assert time.monotonic() < deadline, f"not within {seconds} s: {look}"
            time.sleep(0.1)
        return seen

    return wait

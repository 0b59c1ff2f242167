"""Real MySQL, RabbitMQ, Redis and S3: one container of each a session, for tests marked `backing`.

Each starts when the first test asks for it. Every run uses passwords of its own. The same servers
are to be had for a block, without pytest.
"""

import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

import pytest
import urllib3
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

MYSQL = "mysqld --transaction-isolation=READ-COMMITTED --binlog-row-image=MINIMAL"
ERLANG = "+sbwt none +sbwtdcpu none +sbwtdio none"
"""How both run in the compose file too."""

_START_S = 120.0
_SLICE = 0.2

# Fixtures stop what they start; the reaper would be an image more to pull.
testcontainers_config.ryuk_disabled = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MysqlServer:
    """A MySQL server; `url` names its root user and no schema."""

    host: str
    port: int
    password: str
    container: DockerContainer

    def url(self, schema: str, user: str = "root") -> str:
        """Return the URL of `schema` without a password."""
        return f"mysql+asyncmy://{user}@{self.host}:{self.port}/{schema}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RabbitServer:
    """A RabbitMQ server; `user` administers it. Its virtual host `lightmill` is empty."""

    url: str
    management: str
    user: str
    password: str
    container: DockerContainer


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisServer:
    """A Redis server."""

    url: str
    password: str
    container: DockerContainer


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Server:
    """An S3 server without buckets."""

    endpoint: str
    access_key: str
    secret_key: str
    container: DockerContainer


@pytest.fixture(scope="session")
def docker_engine() -> None:
    """Skip the test where no Docker engine answers."""
    try:
        engine = DockerClient(timeout=5).client
        engine.ping()
        engine.close()
    except Exception as error:  # noqa: BLE001  # whatever it is, there is no engine
        pytest.skip(f"needs a Docker engine for the real backing parts: {error}")


@pytest.fixture(scope="session")
def mysql_server(docker_engine: None) -> Iterator[MysqlServer]:  # noqa: ARG001  # may skip
    """Give a MySQL server of this session's own."""
    with mysql() as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq_server(docker_engine: None) -> Iterator[RabbitServer]:  # noqa: ARG001  # may skip
    """Give a RabbitMQ server of this session's own."""
    with rabbitmq() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(docker_engine: None) -> Iterator[RedisServer]:  # noqa: ARG001  # may skip
    """Give a Redis server of this session's own."""
    with redis() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server(docker_engine: None) -> Iterator[S3Server]:  # noqa: ARG001  # may skip
    """Give a SeaweedFS server of this session's own."""
    with s3() as server:
        yield server


@contextmanager
def mysql() -> Iterator[MysqlServer]:
    """Give a MySQL server for the block."""
    password = secrets.token_hex(16)
    container = (
        DockerContainer("mysql:9.7")
        .with_command(MYSQL)
        .with_env("MYSQL_ROOT_PASSWORD", password)
        .with_exposed_ports(3306)
        .with_tmpfs_mount("/var/lib/mysql")
    )
    # Over TCP: the server that only initialises the data listens on a socket file alone.
    ping = ["mysqladmin", "-h127.0.0.1", "-uroot", f"-p{password}", "ping"]
    with _running(container, lambda: container.exec(ping).exit_code == 0):
        yield MysqlServer(
            host=container.get_container_host_ip(),
            port=int(container.get_exposed_port(3306)),
            password=password,
            container=container,
        )


@contextmanager
def rabbitmq() -> Iterator[RabbitServer]:
    """Give a RabbitMQ server for the block."""
    password = secrets.token_hex(16)
    container = (
        DockerContainer("rabbitmq:4-management")
        .with_env("RABBITMQ_DEFAULT_USER", "lightmill_setup")
        .with_env("RABBITMQ_DEFAULT_PASS", password)
        .with_env("RABBITMQ_DEFAULT_VHOST", "lightmill")
        .with_env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", ERLANG)
        .with_exposed_ports(5672, 15672)
    )
    with _running(container, lambda: _rabbit_answers(container, password)):
        host = container.get_container_host_ip()
        yield RabbitServer(
            url=f"amqp://lightmill_setup@{host}:{container.get_exposed_port(5672)}/lightmill",
            management=f"http://{host}:{container.get_exposed_port(15672)}",
            user="lightmill_setup",
            password=password,
            container=container,
        )


@contextmanager
def redis() -> Iterator[RedisServer]:
    """Give a Redis server for the block."""
    password = secrets.token_hex(16)
    container = (
        DockerContainer("redis:8")
        .with_command(["redis-server", "--requirepass", password, "--save", ""])
        .with_exposed_ports(6379)
    )
    ping = ["redis-cli", "-a", password, "ping"]
    with _running(container, lambda: b"PONG" in container.exec(ping).output):
        host = container.get_container_host_ip()
        yield RedisServer(
            url=f"redis://{host}:{container.get_exposed_port(6379)}/0",
            password=password,
            container=container,
        )


@contextmanager
def s3() -> Iterator[S3Server]:
    """Give a SeaweedFS server for the block."""
    access_key, secret_key = f"lightmill{secrets.token_hex(4)}", secrets.token_hex(16)
    container = (
        DockerContainer("chrislusf/seaweedfs:4.48")
        .with_command(
            # As many volumes as the disk holds: every bucket takes some of its own.
            "server -dir=/data -s3 -master.telemetry=false -ip.bind=0.0.0.0"
            " -master.volumeSizeLimitMB=64 -volume.max=0"
        )
        .with_env("AWS_ACCESS_KEY_ID", access_key)
        .with_env("AWS_SECRET_ACCESS_KEY", secret_key)
        .with_exposed_ports(8333)
    )
    with _running(container, lambda: _s3_answers(_s3_endpoint(container))):
        yield S3Server(
            endpoint=_s3_endpoint(container),
            access_key=access_key,
            secret_key=secret_key,
            container=container,
        )


@contextmanager
def _running(container: DockerContainer, ready: Callable[[], bool]) -> Iterator[None]:
    """Run `container` for the block, which starts once `ready` says so."""
    with container:
        deadline = time.monotonic() + _START_S
        while not ready():
            if time.monotonic() > deadline:
                output, errors = container.get_logs()
                raise TimeoutError(f"{container.image}: {(output + errors)[-2000:].decode()}")
            time.sleep(_SLICE)
        yield


def _rabbit_answers(container: DockerContainer, password: str) -> bool:
    # The port first: the command below costs a second of processor time each time.
    address = (container.get_container_host_ip(), int(container.get_exposed_port(5672)))
    management = f"http://{address[0]}:{container.get_exposed_port(15672)}/api/overview"
    try:
        with socket.create_connection(address, timeout=1) as connection:
            connection.settimeout(1)
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            if not connection.recv(1):
                return False
        headers = urllib3.make_headers(basic_auth=f"lightmill_setup:{password}")
        return _status(management, headers) == HTTPStatus.OK
    except OSError:
        return False


def _s3_endpoint(container: DockerContainer) -> str:
    return f"http://{container.get_container_host_ip()}:{container.get_exposed_port(8333)}"


def _s3_answers(endpoint: str) -> bool:
    return _status(f"{endpoint}/healthz") == HTTPStatus.OK


def _status(url: str, headers: Mapping[str, str] | None = None) -> int | None:
    try:
        return urllib3.request("GET", url, headers=headers, timeout=2, retries=False).status
    except urllib3.exceptions.HTTPError:
        return None

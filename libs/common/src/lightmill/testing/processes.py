"""A farm whose services are processes of this machine, as they are started everywhere else.

What they stand on are the servers of `lightmill.testing.containers`. Tests kill the processes,
benchmarks time them.
"""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import urllib3

from lightmill.testing.containers import (
    MysqlServer,
    RabbitServer,
    RedisServer,
    S3Server,
    mysql,
    rabbitmq,
    redis,
    s3,
)
from lightmill.testing.ports import free_ports

_PATIENCE_S = 90.0
_SLICE_S = 0.05
_LEAVE_S = 20.0
_TAIL = 4000
_MAINS = {
    "api": ("lightmill.api.main",),
    "scheduler": ("lightmill.scheduler.main",),
    "node": ("lightmill.render_node.main", "run"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """What a farm stands on."""

    mysql: MysqlServer
    rabbitmq: RabbitServer
    redis: RedisServer
    s3: S3Server


@contextmanager
def servers() -> Iterator[Servers]:
    """Give servers for the block."""
    with mysql() as database, rabbitmq() as broker, redis() as cache, s3() as store:
        yield Servers(mysql=database, rabbitmq=broker, redis=cache, s3=store)


@dataclass(frozen=True, slots=True)
class Service:
    """One process of the farm, and where its output goes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> float:
        """End it as a power cut does; return when, on the monotonic clock."""
        self.process.kill()
        at = time.monotonic()
        self.process.wait()
        return at

    def told(self) -> str:
        """Return the end of what it has said."""
        return self.log.read_text("utf-8", "replace")[-_TAIL:]


@dataclass(slots=True, kw_only=True)
class ProcessFarm:
    """One farm; `url` is where its api answers.

    Attributes:
        folder: Logs, tokens, and a state folder for each node.
        schema: Of its own in MySQL.
        running: The processes that were started and not ended here.
    """

    servers: Servers
    folder: Path
    url: str
    schema: str = field(default_factory=lambda: f"farm_{secrets.token_hex(4)}")
    running: list[Service] = field(default_factory=list)
    _passwords: Mapping[str, str] = field(
        default_factory=lambda: {
            name: secrets.token_hex(16) for name in ("api", "scheduler", "analyzer", "node")
        }
    )

    @property
    def token(self) -> str:
        """The token of the farm's administrator."""
        return (self.folder / "tokens" / "admin.token").read_text().strip()

    def install(self) -> None:
        """Make schema, accounts, bucket, exchanges, queues and tokens."""
        login = ["mysql", "-h127.0.0.1", "-uroot", f"-p{self.servers.mysql.password}"]
        self.servers.mysql.container.exec([*login, "-e", f"CREATE DATABASE {self.schema}"])
        setting = {
            **self._store(),
            **self._database("root", self.servers.mysql.password),
            **self._broker(self.servers.rabbitmq.user, self.servers.rabbitmq.password),
            "MANAGEMENT_URL": self.servers.rabbitmq.management,
            "TOKEN_FOLDER": str(self.folder / "tokens"),
        }
        for account, password in self._passwords.items():
            setting[f"AMQP_{account}_PASSWORD".upper()] = password
            setting[f"DATABASE_{account}_PASSWORD".upper()] = password
        setup = self._spawn("setup", ("lightmill.runtime.installation",), setting)
        if setup.process.wait(_PATIENCE_S) != 0:
            raise RuntimeError(setup.told())
        self.running.remove(setup)

    def start(self, kind: str, name: str, /, **settings: object) -> Service:
        """Start an `api`, a `scheduler` or a `node`; it may not be ready yet.

        Args:
            kind: One of these.
            name: Of its log, and of a node.
            settings: Of the service beside those that say where everything is.
        """
        mine = {key.upper(): str(value) for key, value in settings.items()}
        return self._spawn(name, _MAINS[kind], {**self._settings(kind, name), **mine})

    def await_api(self, service: Service) -> None:
        """Return when the api answers that it is ready."""
        self._await(service, lambda: _answers(f"{self.url}/readyz"))

    def await_health(self, service: Service, port: int) -> None:
        """Return when the service with this `health_port` is ready."""
        self._await(service, lambda: _answers(f"http://127.0.0.1:{port}/readyz"))

    def stop(self) -> None:
        """End everything, the last that was started first."""
        while self.running:
            service = self.running.pop()
            service.process.terminate()
            try:
                service.process.wait(_LEAVE_S)
            except subprocess.TimeoutExpired:
                service.process.kill()
                service.process.wait()

    def _await(self, service: Service, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not ready():
            if service.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{service.name} is not ready: {service.told()}")
            time.sleep(_SLICE_S)

    def _spawn(self, name: str, main: tuple[str, ...], settings: Mapping[str, str]) -> Service:
        inherited = {
            key: value
            for key, value in os.environ.items()  # noqa: TID251  # for Python, less a farm's settings
            if not key.startswith("LIGHTMILL_")
        }
        own = {f"LIGHTMILL_{key}": value for key, value in settings.items()}
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603  # the product's own mains
                [sys.executable, "-m", *main],
                env={**inherited, **own},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        service = Service(name, process, log)
        self.running.append(service)
        return service

    def _settings(self, kind: str, name: str) -> dict[str, str]:
        account = f"lightmill_{kind}"
        common = self._broker(account, self._passwords[kind])
        if kind == "node":
            return {
                **common,
                "API_URL": self.url,
                "ENROLMENT_TOKEN": (self.folder / "tokens" / "enrolment.token")
                .read_text()
                .strip(),
                "NODE_NAME": name,
                "NODE_STATE_DIR": str(self.folder / name),
            }
        service = {**common, **self._store(), **self._database(account, self._passwords[kind])}
        cache = self.servers.redis
        service |= {"REDIS_URL": cache.url, "REDIS_PASSWORD": cache.password}
        if kind == "api":
            service |= {"HOST": "127.0.0.1", "PORT": str(urlsplit(self.url).port)}
        return service

    def _database(self, user: str, password: str) -> dict[str, str]:
        url = self.servers.mysql.url(self.schema, user)
        return {"DATABASE_URL": url, "DATABASE_PASSWORD": password}

    def _broker(self, user: str, password: str) -> dict[str, str]:
        address = self.servers.rabbitmq.url.rpartition("@")[2]
        return {"AMQP_URL": f"amqp://{user}@{address}", "AMQP_PASSWORD": password}

    def _store(self) -> dict[str, str]:
        store = self.servers.s3
        return {
            "S3_ENDPOINT": store.endpoint,
            "S3_ACCESS_KEY": store.access_key,
            "S3_SECRET_KEY": store.secret_key,
        }


@contextmanager
def process_farm(on: Servers, folder: Path) -> Iterator[ProcessFarm]:
    """Give a farm that is installed and of which nothing runs yet; all ends with the block."""
    (port,) = free_ports(1)
    farm = ProcessFarm(servers=on, folder=folder, url=f"http://127.0.0.1:{port}")
    with ExitStack() as ends:
        ends.callback(farm.stop)
        farm.install()
        yield farm


def _answers(url: str) -> bool:
    try:
        answer = urllib3.request("GET", url, timeout=5, retries=False)
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == HTTPStatus.OK

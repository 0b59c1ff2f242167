"""The whole farm in one process, on embedded parts."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx2
from pydantic import SecretStr

from lightmill.analyzer.config import AnalyzerSettings
from lightmill.analyzer.factory import run as run_analyzer
from lightmill.api.config import ApiSettings
from lightmill.api.factory import run as run_api
from lightmill.broker.in_process import InProcessBroker
from lightmill.local.config import LocalSettings
from lightmill.local.folder import FarmFolder, claimed
from lightmill.local.listening import HOST, free_port
from lightmill.render_node.config import NodeSettings
from lightmill.render_node.factory import run as run_node
from lightmill.runtime.clock import SystemClock
from lightmill.runtime.installation.tokens import first_tokens
from lightmill.runtime.parts import Parts
from lightmill.scheduler.config import SchedulerSettings
from lightmill.scheduler.factory import run as run_scheduler
from lightmill.storage.cache.memory import MemoryStatusCache
from lightmill.storage.objects.folder import FolderStore
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.migration import upgrade

_LOOK_S = 0.05
_START_S = 60.0


class StartError(Exception):
    """The farm did not come up in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFarm:
    """A farm that runs.

    Attributes:
        url: Of its api.
        token: Of its administrator.
        parts: What it stands on, for tests.
    """

    url: str
    token: str = field(repr=False)
    data: Path
    parts: Parts


@asynccontextmanager
async def farm(settings: LocalSettings) -> AsyncIterator[LocalFarm]:
    """Run api, scheduler, analyzer and nodes for the block; every node is online in it.

    Raises:
        FolderInUseError: another farm runs on the folder.
        PortTakenError: somebody listens on the port.
        StartError: the farm did not come up.
    """
    with claimed(settings.data) as folder:
        url = f"http://{HOST}:{free_port(settings.port)}"
        async with _parts(folder, url) as parts:
            await upgrade(parts.database)
            tokens = await first_tokens(parts.database, folder.secrets, parts.clock)
            made = LocalFarm(url=url, token=tokens.admin, data=folder.root, parts=parts)
            async with _running(settings, folder, made, tokens.enrolment):
                yield made


@asynccontextmanager
async def _parts(folder: FarmFolder, url: str) -> AsyncIterator[Parts]:
    clock = SystemClock()
    database = Database.open(folder.database_url)
    try:
        yield Parts(
            database=database,
            broker=InProcessBroker(),
            store=FolderStore(folder.objects, url, folder.url_secret().encode(), clock),
            cache=MemoryStatusCache(clock),
            clock=clock,
        )
    finally:
        await database.close()


@asynccontextmanager
async def _running(
    settings: LocalSettings, folder: FarmFolder, made: LocalFarm, enrolment: str
) -> AsyncIterator[None]:
    """Run the services for the block; nodes go first when it ends, so that all is reported."""
    nodes_stop, stop, since = asyncio.Event(), asyncio.Event(), made.parts.clock.now()
    services = _Services(settings, folder, made)
    nodes: list[asyncio.Task[None]] = []
    async with asyncio.TaskGroup() as tasks:
        for name, service in services.central(stop).items():
            tasks.create_task(service, name=name)
        try:
            async with httpx2.AsyncClient(base_url=made.url) as client:
                await _answering(client)
                for name, node in services.nodes(enrolment, nodes_stop).items():
                    nodes.append(tasks.create_task(node, name=name))
                await _online(client, made.token, len(nodes), since)
            yield
        finally:
            nodes_stop.set()
            await asyncio.gather(*nodes, return_exceptions=True)
            stop.set()


@dataclass(frozen=True, slots=True)
class _Services:
    """The services of one farm, each with settings that nothing from outside changes."""

    settings: LocalSettings
    folder: FarmFolder
    farm: LocalFarm

    def central(self, stop: asyncio.Event) -> dict[str, Coroutine[None, None, None]]:
        parts, database = self.farm.parts, self.folder.database_url
        api = ApiSettings(
            database_url=database,
            host=HOST,
            port=int(self.farm.url.rpartition(":")[2]),
            simulated_engine=self.settings.simulated,
            upload_folder=self.folder.uploads,
        )
        analyzer = AnalyzerSettings(database_url=database, analysis_scratch=self.folder.scratch)
        return {
            "api": run_api(api, parts, stop),
            "scheduler": run_scheduler(SchedulerSettings(database_url=database), parts, stop),
            "analyzer": run_analyzer(analyzer, parts, stop),
        }

    def nodes(self, enrolment: str, stop: asyncio.Event) -> dict[str, Coroutine[None, None, None]]:
        parts, ram = self.farm.parts, self.settings.ram or _ram_of_each(self.settings.nodes)
        names = [f"node-{number}" for number in range(1, self.settings.nodes + 1)]
        return {
            name: run_node(
                self._node_settings(
                    api_url=self.farm.url,
                    enrolment_token=SecretStr(enrolment),
                    node_name=name,
                    node_state_dir=self.folder.node(name),
                    node_cores=self.settings.node_cores,
                    node_ram=ram,
                    node_pools="default,designs",
                    node_simulated=self.settings.simulated,
                    node_drain_seconds=self.settings.drain_seconds,
                ),
                parts.broker,
                parts.clock,
                stop,
            )
            for name in names
        }

    def _node_settings(self, **given: object) -> NodeSettings:
        return NodeSettings.model_validate({**given, **self.settings.node})


def _ram_of_each(nodes: int) -> int:
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return machine * 8 // 10 // max(1, nodes)


async def _answering(client: httpx2.AsyncClient) -> None:
    async def look() -> bool:
        return (await client.get("/readyz")).status_code == 200  # noqa: PLR2004  # OK

    await _until(look, "the api does not answer")


async def _online(client: httpx2.AsyncClient, token: str, count: int, since: datetime) -> None:
    """Return when so many nodes have registered after `since`, and not in an earlier life."""

    async def look() -> bool:
        answer = await client.get(
            "/api/v1/nodes", params={"limit": 500}, headers={"Authorization": f"Bearer {token}"}
        )
        nodes = answer.json().get("items", [])
        online = (node for node in nodes if node["state"] == "ONLINE")
        return sum(datetime.fromisoformat(node["seen_at"]) >= since for node in online) >= count

    await _until(look, "the nodes do not register")


async def _until(look: Callable[[], Awaitable[bool]], complaint: str) -> None:
    try:
        async with asyncio.timeout(_START_S):
            while not await _tried(look):  # noqa: ASYNC110  # what is waited for is behind HTTP
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        raise StartError(f"{complaint} within {_START_S:g} s; see the log") from None


async def _tried(look: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await look()
    except httpx2.TransportError:
        return False

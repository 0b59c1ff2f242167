"""The whole service over a real port."""

import asyncio
import socket
from pathlib import Path

import httpx2
import pytest
from services.api.tests.conftest import Farm
from services.api.tests.served import serving

from lightmill.api.config import ApiSettings
from lightmill.api.factory import run
from lightmill.api.handlers.listener import PortTakenError
from lightmill.broker.ports import Broker
from lightmill.domain.principal import Role
from lightmill.messages.topology import SCHEDULER_INBOX
from lightmill.runtime.parts import Parts
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.migration import SchemaOutdatedError
from lightmill.storage.sql.schema.api import OUTBOX


async def receive(broker: Broker) -> str:
    async with broker.connect("test") as link:
        inbox = await link.subscribe(SCHEDULER_INBOX)
        (delivery,) = await asyncio.wait_for(inbox.receive(1), 30)
        await inbox.settle(delivery)
    return delivery.kind


async def test_a_job_handed_in_over_the_wire_rings_the_schedulers_bell(farm: Farm) -> None:
    headers = {"Authorization": f"Bearer {farm.one.tokens[Role.ARTIST]}"}
    async with serving(farm.parts) as base, httpx2.AsyncClient(base_url=base) as client:
        body = {"name": "n", "engine": "simulated", "frames": "1"}
        answer = await client.post("/api/v1/jobs", json=body, headers=headers)
        assert answer.status_code == 201
        assert await receive(farm.parts.broker) == "job.wanted.v1"
        async with asyncio.timeout(30):
            while await farm.count(OUTBOX):  # noqa: ASYNC110  # a table tells nobody
                await asyncio.sleep(0.02)


async def test_a_taken_port_is_named(farm: Farm) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        settings = ApiSettings(host="127.0.0.1", port=port)
        with pytest.raises(PortTakenError, match=f"{port}.*LIGHTMILL_PORT"):
            await run(settings, farm.parts, asyncio.Event())


async def test_an_old_schema_is_refused(farm: Farm, tmp_path: Path) -> None:
    empty = Database.open(f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}")
    parts = Parts(
        database=empty,
        broker=farm.parts.broker,
        store=farm.store,
        cache=farm.cache,
        clock=farm.clock,
    )
    with pytest.raises(SchemaOutdatedError):
        await run(ApiSettings(port=0), parts, asyncio.Event())
    await empty.close()

"""The scheduler on embedded parts, and on real MySQL and RabbitMQ where there is an engine."""

import asyncio

import pytest

from lightmill.broker.in_process import InProcessBroker
from lightmill.broker.ports import Broker
from lightmill.broker.rabbitmq import RabbitMQ, declare_topology
from lightmill.runtime.clock import SystemClock
from lightmill.runtime.parts import Parts
from lightmill.storage.cache.memory import MemoryStatusCache
from lightmill.storage.objects.folder import FolderStore
from lightmill.storage.sql.database import Database
from lightmill.testing.containers import RabbitServer


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.backing)])
def parts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Parts:
    embedded = request.param == "embedded"
    database: Database = request.getfixturevalue(
        "sqlite_database" if embedded else "mysql_database"
    )
    broker: Broker = InProcessBroker()
    if not embedded:
        server: RabbitServer = request.getfixturevalue("rabbitmq_server")
        asyncio.run(declare_topology(server.url, server.password))
        broker = RabbitMQ(server.url, server.password)
    clock = SystemClock()
    return Parts(
        database=database,
        broker=broker,
        store=FolderStore(tmp_path_factory.mktemp("objects"), "http://none", b"secret", clock),
        cache=MemoryStatusCache(clock),
        clock=clock,
    )

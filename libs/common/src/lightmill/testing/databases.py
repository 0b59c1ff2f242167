"""Databases of the present schema for tests: SQLite at once, MySQL where there is an engine."""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import delete, text

from lightmill.storage.sql.database import Database
from lightmill.storage.sql.migration import upgrade
from lightmill.storage.sql.schema import METADATA
from lightmill.testing.containers import MysqlServer


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an empty SQLite database of the present schema, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"

    async def make() -> None:
        database = Database.open(f"sqlite+aiosqlite:///{path}")
        await upgrade(database)
        await database.close()

    asyncio.run(make())
    return path


@pytest_asyncio.fixture
async def sqlite_database(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Database]:
    """Give an empty SQLite database of this test's own."""
    path = shutil.copy(sqlite_template, tmp_path / "lightmill.db")
    database = Database.open(f"sqlite+aiosqlite:///{path}")
    yield database
    await database.close()


@pytest.fixture(scope="session")
def mysql_schema(mysql_server: MysqlServer) -> str:
    """Give the name of a MySQL schema of this session's own, with the present tables."""
    name = f"test_{secrets.token_hex(4)}"

    async def make() -> None:
        await create_schema(mysql_server, name)
        database = Database.open(mysql_server.url(name), mysql_server.password)
        await upgrade(database)
        await database.close()

    asyncio.run(make())
    return name


@pytest_asyncio.fixture
async def mysql_database(mysql_server: MysqlServer, mysql_schema: str) -> AsyncIterator[Database]:
    """Give a MySQL database whose tables are empty; counters of ids go on."""
    database = Database.open(mysql_server.url(mysql_schema), mysql_server.password)
    yield database
    async with database.transaction() as connection:
        for table in METADATA.sorted_tables:
            await connection.execute(delete(table))
    await database.close()


@pytest.fixture(params=["sqlite", pytest.param("mysql", marks=pytest.mark.backing)])
def database(request: pytest.FixtureRequest) -> Database:
    """Give an empty database; the test runs on SQLite and, where it can, on MySQL."""
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found


async def create_schema(server: MysqlServer, name: str) -> None:
    """Create the schema `name`, empty, in `server`."""
    root = Database.open(server.url("mysql"), server.password)
    async with root.alone() as connection:
        await connection.execute(text(f"CREATE DATABASE `{name}`"))
    await root.close()

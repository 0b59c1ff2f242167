import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, select, text

from lightmill.storage.sql import migration
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.migration import SchemaOutdatedError, require_current, upgrade
from lightmill.storage.sql.schema import METADATA
from lightmill.storage.sql.schema.api import DESIGN_VERSIONS, DESIGNS, GRANTS
from lightmill.testing.containers import MysqlServer
from lightmill.testing.databases import create_schema


@pytest.fixture(params=["sqlite", pytest.param("mysql", marks=pytest.mark.backing)])
async def empty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """Give a database without tables."""
    if request.param == "sqlite":
        database = Database.open(f"sqlite+aiosqlite:///{tmp_path}/farm.db")
    else:
        server: MysqlServer = request.getfixturevalue("mysql_server")
        name = f"empty_{secrets.token_hex(4)}"
        await create_schema(server, name)
        database = Database.open(server.url(name), server.password)
    yield database
    await database.close()


async def test_an_empty_database_is_refused_with_the_remedy(empty: Database) -> None:
    with pytest.raises(SchemaOutdatedError, match="installation"):
        await require_current(empty)


async def test_upgrading_makes_it_current_and_can_be_repeated(empty: Database) -> None:
    await upgrade(empty)
    await require_current(empty)
    await upgrade(empty)
    await require_current(empty)


async def test_upgrades_at_the_same_time_wait_for_each_other(empty: Database) -> None:
    other = Database.open(empty.url.render_as_string(hide_password=False))
    await asyncio.gather(upgrade(empty), upgrade(other))
    await require_current(other)
    await other.close()


async def test_a_newer_or_unknown_schema_is_refused(empty: Database) -> None:
    await upgrade(empty)
    async with empty.transaction() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaOutdatedError, match="9999"):
        await require_current(empty)


async def test_the_revisions_make_exactly_the_tables_of_the_code(empty: Database) -> None:
    await upgrade(empty)
    async with empty.transaction() as connection:
        assert await connection.run_sync(_differences) == []


async def test_designs_of_before_versions_keep_their_files_and_who_could_use_them(
    empty: Database,
) -> None:
    await _upgrade_to(empty, "0006")
    row = "'d', 't', 'o', 'chair', 'Chair', 'chair.glb', '[]', '{}', '2026-11-22 12:00:00'"
    async with empty.transaction() as connection:
        await connection.execute(text(f"INSERT INTO designs VALUES ({row})"))  # noqa: S608  # ours
    await upgrade(empty)
    async with empty.reading() as connection:
        (version,) = (await connection.execute(select(DESIGN_VERSIONS))).all()
        (design,) = (await connection.execute(select(DESIGNS))).all()
        (grant,) = (await connection.execute(select(GRANTS))).all()
    assert (version.design, version.version, version.model) == ("d", 1, "chair.glb")
    assert (design.id, design.versions) == ("d", 1)
    assert (grant.object_id, grant.user_id) == ("d", "")


async def _upgrade_to(database: Database, revision: str) -> None:
    def upgrading(connection: Connection) -> None:
        config = migration.config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    async with database.transaction() as connection:
        await connection.run_sync(upgrading)


@pytest.mark.backing
async def test_an_upgrade_that_was_killed_half_way_can_be_run_again(
    mysql_server: MysqlServer,
) -> None:
    """MySQL commits each table as it is made."""
    name = f"killed_{secrets.token_hex(4)}"
    await create_schema(mysql_server, name)
    database = Database.open(mysql_server.url(name), mysql_server.password)
    await upgrade(database)
    async with database.transaction() as connection:
        await connection.execute(text("DELETE FROM alembic_version"))
        await connection.execute(text("DROP TABLE tokens"))
        await connection.execute(text("DROP INDEX ix_attempts_state_job_id ON attempts"))
    await upgrade(database)
    async with database.transaction() as connection:
        assert await connection.run_sync(_differences) == []
    await database.close()


def _differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, METADATA))

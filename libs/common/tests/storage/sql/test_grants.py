from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from lightmill.storage.sql.database import Database
from lightmill.storage.sql.grants import OWNERS, grant, owned
from lightmill.storage.sql.migration import require_current
from lightmill.storage.sql.schema import METADATA
from lightmill.storage.sql.schema.api import TENANTS
from lightmill.testing.containers import MysqlServer

WORD = "a-long-enough-passw0rd"


async def rows(database: Database, table: Any) -> list[Any]:  # noqa: ANN401  # a Table
    async with database.reading() as connection:
        return list((await connection.execute(select(table))).all())


def test_every_table_has_one_owner() -> None:
    tables = [table for module in OWNERS.values() for table in owned(module)]
    assert sorted(tables) == sorted(METADATA.tables)


@pytest.mark.backing
@pytest.mark.parametrize("account", OWNERS)
async def test_a_service_writes_its_tables_reads_the_others_and_changes_no_schema(
    mysql_server: MysqlServer, mysql_database: Database, account: str
) -> None:
    await grant(mysql_database, account, WORD)
    await grant(mysql_database, account, WORD)
    schema = mysql_database.url.database or ""
    database = Database.open(mysql_server.url(schema, account), WORD)

    async def allowed(statement: Any) -> bool:  # noqa: ANN401  # any SQLAlchemy statement
        try:
            async with database.transaction() as connection:
                await connection.execute(statement)
        except SQLAlchemyError as error:
            assert "denied" in str(error)  # noqa: PT017  # any other error is a failed test
            return False
        return True

    await require_current(database)
    mine = owned(OWNERS[account])
    for name, table in METADATA.tables.items():
        column = table.columns[0]
        assert await allowed(select(table))
        assert await allowed(delete(table)) == (name in mine)
        assert await allowed(update(table).values({column: column})) == (name in mine)
        nothing = select(table).where(text("1 = 0"))
        assert await allowed(insert(table).from_select(table.c.keys(), nothing)) == (name in mine)
    for statement in ("CREATE TABLE t (id INT)", "DROP TABLE jobs", "SELECT * FROM mysql.user"):
        assert not await allowed(text(statement))
    await database.close()


@pytest.mark.backing
async def test_granting_again_changes_the_password(
    mysql_server: MysqlServer, mysql_database: Database
) -> None:
    await grant(mysql_database, "lightmill_api", WORD)
    await grant(mysql_database, "lightmill_api", "another-passw0rd")
    url = mysql_server.url(mysql_database.url.database or "", "lightmill_api")
    old, new = Database.open(url, WORD), Database.open(url, "another-passw0rd")
    assert await rows(new, TENANTS) == []
    with pytest.raises(SQLAlchemyError, match="denied"):
        await rows(old, TENANTS)
    await old.close()
    await new.close()

"""MySQL accounts: each service reads every table and writes its own; none changes the schema."""

from types import ModuleType

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema import analyzer, api, scheduler

OWNERS = {"lightmill_api": api, "lightmill_scheduler": scheduler, "lightmill_analyzer": analyzer}
"""Account to the module whose tables it writes."""


def owned(module: ModuleType) -> list[str]:
    """Return the names of the tables that `module` defines, sorted."""
    return sorted(table.name for table in vars(module).values() if isinstance(table, Table))


async def grant(database: Database, account: str, password: str) -> None:
    """See that `account` exists with `password` and has the rights of its service.

    Args:
        database: Opened by an administrator; of the present schema.
        account: One of `OWNERS`.
        password: Becomes the account's, also where it had another.
    """
    schema = database.url.database or ""
    pattern = schema.replace("_", r"\_")  # in a grant on a schema, _ stands for any character
    async with database.alone() as connection:
        await _identify(connection, account, password)
        await connection.execute(text(f"GRANT SELECT ON `{pattern}`.* TO '{account}'@'%'"))
        for table in owned(OWNERS[account]):
            rights = f"INSERT, UPDATE, DELETE ON `{schema}`.`{table}`"
            await connection.execute(text(f"GRANT {rights} TO '{account}'@'%'"))


async def _identify(connection: AsyncConnection, account: str, password: str) -> None:
    values = {"password": password}
    for verb in ("CREATE USER IF NOT EXISTS", "ALTER USER"):
        await connection.execute(text(f"{verb} '{account}'@'%' IDENTIFIED BY :password"), values)

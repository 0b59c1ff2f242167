"""Brings a database to the present schema, or tells that somebody has to."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from lightmill.storage.sql.database import Database
from lightmill.storage.sql.named_lock import NamedLock

_FOLDER = Path(__file__).parent / "migrations"


class SchemaOutdatedError(Exception):
    """The database does not have the schema that this release needs."""


async def upgrade(database: Database) -> None:
    """Bring `database` to the present schema; do nothing where it is.

    Several that run at once wait for each other. One that was killed half-way can be run again.
    """
    async with NamedLock(database, "migration").held(), database.transaction() as connection:
        await connection.run_sync(_upgrade)


async def require_current(database: Database) -> None:
    """Return when `database` has exactly the present schema.

    Raises:
        SchemaOutdatedError: it has an older one, none, or a newer one.
    """
    async with database.reading() as connection:
        found = await connection.run_sync(_revision)
    wanted = ScriptDirectory.from_config(config()).get_current_head()
    if found != wanted:
        raise SchemaOutdatedError(
            f"the schema of {database.url} is at {found or 'nothing'}, this release needs "
            f"{wanted}; run `python -m lightmill.runtime.installation` of the newest release"
        )


def config() -> Config:
    """Return what Alembic needs to know, but for the connection."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


def _upgrade(connection: Connection) -> None:
    settings = config()
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()

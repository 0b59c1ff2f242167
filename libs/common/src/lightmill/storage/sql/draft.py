"""Drafts the migration from the newest revision to the tables as they are in the code.

`python -m lightmill.storage.sql.draft "what it does"` writes a file under `migrations/versions`.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from lightmill.storage.sql import migration
from lightmill.storage.sql.database import Database


async def draft(message: str) -> None:
    """Write the revision that makes the newest one into the present schema."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(f"sqlite+aiosqlite:///{Path(folder) / 'draft.db'}")
        await migration.upgrade(database)
        async with database.transaction() as connection:
            await connection.run_sync(_draft, message)
        await database.close()


def _draft(connection: Connection, message: str) -> None:
    config = migration.config()
    config.attributes["connection"] = connection
    count = len(list(ScriptDirectory.from_config(config).walk_revisions()))
    command.revision(config, message, autogenerate=True, rev_id=f"{count + 1:04}")


if __name__ == "__main__":
    asyncio.run(draft(sys.argv[1]))

"""Insert a row, or bring the one that is there to the same values."""

from collections.abc import Collection

from sqlalchemy import Insert, Table, func
from sqlalchemy.dialects import mysql, sqlite


def upsert(table: Table, dialect: str, *, keep: Collection[str] = ()) -> Insert:
    """Return an INSERT that overwrites a row with the same primary key.

    Args:
        table: Where.
        dialect: `mysql` or `sqlite`.
        keep: Columns that an existing row keeps.
    """
    changed = [c.name for c in table.columns if not c.primary_key and c.name not in keep]
    if dialect == "mysql":
        # VALUES(), not the row alias: the driver sends many rows as one statement only with it.
        return mysql.insert(table).on_duplicate_key_update(
            {name: func.values(table.c[name]) for name in changed}
        )
    statement = sqlite.insert(table)
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: statement.excluded[name] for name in changed},
    )

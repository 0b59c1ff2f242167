"""Entry point that Alembic calls; `lightmill.storage.sql.migration` hands in the connection."""

from typing import Literal

from alembic import context
from sqlalchemy import types

from lightmill.storage.sql.schema import METADATA, columns

_NAMES = {
    id(kind): name for name, kind in vars(columns).items() if isinstance(kind, types.TypeEngine)
}


def render_item(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Return the name that a column type has in our schema, or False for Alembic's own way."""
    if kind != "type":
        return False
    # SQLAlchemy copies a decorated type for each column, so its class has to tell.
    name = "MOMENT" if isinstance(item, columns.Utc) else _NAMES.get(id(item))
    return f"columns.{name}" if name else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_item=render_item,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()

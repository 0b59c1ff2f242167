"""Keep reservations and shortages of licences."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from lightmill.storage.sql.schema import columns

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


_ADDED: dict[str, tuple[sa.Column[Any], ...]] = {
    "nodes": (sa.Column("kept", columns.DOCUMENT),),
    "steps": (
        sa.Column("held_until", columns.MOMENT),
        sa.Column("shortages", sa.Integer(), server_default="0", nullable=False),
    ),
}


def upgrade() -> None:
    """Bring the schema forward; what a killed run has done already is left as it is."""
    for table, added in _ADDED.items():
        present = {str(column["name"]) for column in sa.inspect(op.get_bind()).get_columns(table)}
        with op.batch_alter_table(table) as batch:
            for column in added:
                if column.name not in present:
                    batch.add_column(column)

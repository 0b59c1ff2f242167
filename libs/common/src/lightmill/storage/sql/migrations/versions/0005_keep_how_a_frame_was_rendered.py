"""Keep how a frame was rendered: memory, samples, engine."""

import sqlalchemy as sa
from alembic import op

from lightmill.storage.sql.schema import columns

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; what a killed run has done already is left as it is."""
    added = (
        sa.Column("peak_ram", sa.BigInteger()),
        sa.Column("samples", sa.Integer()),
        sa.Column("engine", columns.KEYWORD),
    )
    present = _columns("results")
    with op.batch_alter_table("results") as batch:
        for column in added:
            if column.name not in present:
                batch.add_column(column)


def _columns(table: str) -> set[str]:
    return {str(column["name"]) for column in sa.inspect(op.get_bind()).get_columns(table)}

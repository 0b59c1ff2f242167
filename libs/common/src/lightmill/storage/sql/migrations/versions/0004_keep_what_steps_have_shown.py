"""Keep what frames of a step have shown: the memory that they need, the time that they take."""

import sqlalchemy as sa
from alembic import op

from lightmill.storage.sql.schema import columns

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; what a killed run has done already is left as it is."""
    added = (sa.Column("ram", sa.BigInteger()), sa.Column("timing", columns.DOCUMENT))
    present = _columns("steps")
    with op.batch_alter_table("steps") as batch:
        for column in added:
            if column.name not in present:
                batch.add_column(column)
    if "ram" in _columns("given_back"):
        with op.batch_alter_table("given_back") as batch:
            batch.drop_column("ram")


def _columns(table: str) -> set[str]:
    return {str(column["name"]) for column in sa.inspect(op.get_bind()).get_columns(table)}

"""Keep the storage classes of what attempts store."""

import sqlalchemy as sa
from alembic import op

from lightmill.storage.sql.schema import columns

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; doing it twice changes nothing."""
    # MySQL keeps what a killed run had made.
    present = {found["name"] for found in sa.inspect(op.get_bind()).get_columns("retention")}
    for name in ("results_class", "intermediates_class"):
        if name not in present:
            op.add_column("retention", sa.Column(name, columns.KEYWORD, nullable=True))

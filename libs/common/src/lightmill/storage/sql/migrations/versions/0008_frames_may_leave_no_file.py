"""A frame may be done and leave no file: its result has no object then."""

from alembic import op

from lightmill.storage.sql.schema import columns

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; doing it twice changes nothing."""
    with op.batch_alter_table("results") as batch:
        batch.alter_column("object_key", existing_type=columns.OBJECT_KEY, nullable=True)

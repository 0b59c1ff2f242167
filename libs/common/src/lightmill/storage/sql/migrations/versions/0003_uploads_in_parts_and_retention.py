"""Take uploads in parts, and say how long files are kept."""

import sqlalchemy as sa
from alembic import op

from lightmill.storage.sql.schema import columns

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


# MySQL keeps what a killed run had made: each step looks first.


def _add(table: str, column: sa.Column[object]) -> None:
    present = {found["name"] for found in sa.inspect(op.get_bind()).get_columns(table)}
    if column.name not in present:
        with op.batch_alter_table(table) as batch:
            batch.add_column(column)


def _index(table: str, *names: str) -> None:
    name = f"ix_{table}_{'_'.join(names)}"
    present = {found["name"] for found in sa.inspect(op.get_bind()).get_indexes(table)}
    if name not in present:
        with op.batch_alter_table(table) as batch:
            batch.create_index(name, list(names), unique=False)


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "expiries",
        sa.Column("job_id", columns.IDENTIFIER, nullable=False),
        sa.Column("kind", columns.KEYWORD, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "kind", name=op.f("pk_expiries")),
        if_not_exists=True,
    )
    op.create_table(
        "multipart_uploads",
        sa.Column("id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("owner_id", columns.IDENTIFIER, nullable=False),
        sa.Column("blake3", columns.HASH, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("part_size", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("object_key", columns.OBJECT_KEY, nullable=False),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("asset_id", columns.SERIAL, nullable=True),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.Column("touched_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_multipart_uploads")),
        sa.UniqueConstraint(
            "tenant_id", "blake3", name=op.f("uq_multipart_uploads_tenant_id_blake3")
        ),
        if_not_exists=True,
    )
    _index("multipart_uploads", "touched_at")
    op.create_table(
        "retention",
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("results_days", sa.Integer(), nullable=True),
        sa.Column("intermediates_days", sa.Integer(), nullable=True),
        sa.Column("workspaces_days", sa.Integer(), nullable=True),
        sa.Column("orphans_days", sa.Integer(), nullable=True),
        sa.Column("updated_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_retention")),
        if_not_exists=True,
    )
    _add("assets", sa.Column("touched_at", columns.MOMENT, nullable=True))
    _index("assets", "tenant_id", "object_key")

"""Keep the farm's policy, and what the scheduler makes of it."""

import sqlalchemy as sa
from alembic import op

from lightmill.storage.sql.schema import columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _add(table: str, *added: sa.Column[object]) -> None:
    """Add columns unless they are there: MySQL keeps what a killed run had added."""
    present = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
    with op.batch_alter_table(table) as batch:
        for column in added:
            if column.name not in present:
                batch.add_column(column)


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "farm_policy",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("preemption", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_farm_policy")),
        if_not_exists=True,
    )
    op.create_table(
        "limit_states",
        sa.Column("name", columns.NAME, nullable=False),
        sa.Column("ceiling", sa.Integer(), nullable=False),
        sa.Column("moved_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_limit_states")),
        if_not_exists=True,
    )
    op.create_table(
        "limits",
        sa.Column("name", columns.NAME, nullable=False),
        sa.Column("total", sa.Integer()),
        sa.Column("scope", columns.KEYWORD, nullable=False),
        sa.Column("scaling", columns.DOCUMENT),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_limits")),
        if_not_exists=True,
    )
    op.create_table(
        "node_wishes",
        sa.Column("node_id", columns.IDENTIFIER, nullable=False),
        sa.Column("wish", columns.KEYWORD, nullable=False),
        sa.Column("forgiven", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("node_id", name=op.f("pk_node_wishes")),
        if_not_exists=True,
    )
    op.create_table(
        "outlooks",
        sa.Column("job_id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("reasons", columns.DOCUMENT, nullable=False),
        sa.Column("earliest", columns.MOMENT),
        sa.Column("expected", columns.MOMENT),
        sa.Column("latest", columns.MOMENT),
        sa.Column("at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_outlooks")),
        if_not_exists=True,
    )
    op.create_table(
        "pools",
        sa.Column("name", columns.NAME, nullable=False),
        sa.Column("mode", columns.KEYWORD, nullable=False),
        sa.Column("scaling", columns.DOCUMENT),
        sa.Column("sandbox", columns.KEYWORD),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pools")),
        if_not_exists=True,
    )
    op.create_table(
        "shares",
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("user_label", columns.NAME, nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("burst", sa.Integer()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "user_label", name=op.f("pk_shares")),
        if_not_exists=True,
    )
    _add("given_back", sa.Column("ram", sa.BigInteger()))
    _add("jobs", sa.Column("approved", sa.Boolean(), server_default=sa.false(), nullable=False))
    _add(
        "nodes",
        sa.Column("wish", columns.KEYWORD, server_default="RUN", nullable=False),
        sa.Column("forgiven", sa.Integer(), server_default="0", nullable=False),
        sa.Column("quarantined_until", columns.MOMENT),
        sa.Column("failures", columns.DOCUMENT),
    )

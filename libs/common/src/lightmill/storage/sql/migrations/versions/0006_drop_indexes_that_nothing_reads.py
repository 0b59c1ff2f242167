"""Drop indexes that nothing reads: each costs every frame two writes."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_UNREAD = {
    "tasks": ("ix_tasks_state",),
    "attempts": ("ix_attempts_task_id", "ix_attempts_node_id_state"),
}


def upgrade() -> None:
    """Bring the schema forward; what a killed run has done already is left as it is."""
    for table, names in _UNREAD.items():
        indexes = sa.inspect(op.get_bind()).get_indexes(table)
        present = {str(index["name"]) for index in indexes}
        for name in names:
            if name in present:
                op.drop_index(name, table)

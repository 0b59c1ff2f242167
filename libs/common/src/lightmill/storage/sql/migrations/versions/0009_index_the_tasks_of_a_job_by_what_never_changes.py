"""Index a job's tasks by what never changes: over their state it costs every frame two writes.

Which of them live is read from their attempts, of which each has one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_NEW = {
    "tasks": ("ix_tasks_tenant_id_job_id", ["tenant_id", "job_id"]),
    "attempts": ("ix_attempts_state_job_id", ["state", "job_id"]),
}
_OLD = {
    "tasks": ("ix_tasks_tenant_id_job_id_state",),
    "attempts": ("ix_attempts_state",),
}


def upgrade() -> None:
    """Bring the schema forward; what a killed run has done already is left as it is."""
    for table, (name, columns) in _NEW.items():
        if name not in _present(table):
            op.create_index(name, table, columns)
    for table, names in _OLD.items():
        for name in _present(table).intersection(names):
            op.drop_index(name, table)


def _present(table: str) -> set[str]:
    return {str(index["name"]) for index in sa.inspect(op.get_bind()).get_indexes(table)}

"""Index jobs, not tasks, by what people ask for: state, priority and age.

Each index over a task's state costs every frame four writes and a purge, and a job has thousands
of tasks. Attempts whose files are still to be looked at are found by when they were given out,
which does not change as their end does.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ASKED = sa.text(
    "UPDATE job_states SET priority ="
    " COALESCE((SELECT jobs.priority FROM jobs WHERE jobs.id = job_states.job_id), 1)"
)
_NEW = {
    "job_states": (
        "ix_job_states_tenant_id_state_priority_created_at",
        ["tenant_id", "state", "priority", "created_at"],
    ),
    "attempts": ("ix_attempts_swept_at_assigned_at", ["swept_at", "assigned_at"]),
}
_OLD = {
    "tasks": (
        "ix_tasks_tenant_id_state_priority_created_at",
        "ix_tasks_tenant_id_owner_id_state_created_at",
    ),
    "attempts": ("ix_attempts_swept_at_ended_at",),
}


def upgrade() -> None:
    """Bring the schema forward; what a killed run has done already is left as it is."""
    columns = sa.inspect(op.get_bind()).get_columns("job_states")
    if "priority" not in {str(column["name"]) for column in columns}:
        with op.batch_alter_table("job_states") as batch:
            batch.add_column(
                sa.Column("priority", sa.Integer(), server_default="1", nullable=False)
            )
    op.execute(_ASKED)
    for table, (name, over) in _NEW.items():
        if name not in _present(table):
            op.create_index(name, table, over)
    for table, names in _OLD.items():
        for name in _present(table).intersection(names):
            op.drop_index(name, table)


def _present(table: str) -> set[str]:
    return {str(index["name"]) for index in sa.inspect(op.get_bind()).get_indexes(table)}

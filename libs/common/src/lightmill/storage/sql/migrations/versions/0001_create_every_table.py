"""Create every table."""

import sqlalchemy as sa
from alembic import op

from lightmill.storage.sql.schema import columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _index(name: str, table: str, names: list[str], *, unique: bool = False) -> None:
    """Create an index unless it is there: MySQL keeps what a killed run had created."""
    present = sa.inspect(op.get_bind()).get_indexes(table)
    if name not in {index["name"] for index in present}:
        op.create_index(name, table, names, unique=unique)


def upgrade() -> None:  # noqa: PLR0915  # one statement a table
    """Bring the schema forward."""
    op.create_table(
        "analyses",
        sa.Column("id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("content_key", columns.HASH, nullable=False),
        sa.Column("state", columns.KEYWORD, nullable=False),
        sa.Column("outcome", columns.DOCUMENT),
        sa.Column("error", columns.LONG_TEXT),
        sa.Column("finished_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analyses")),
        if_not_exists=True,
    )
    _index("ix_analyses_tenant_id_content_key", "analyses", ["tenant_id", "content_key"])
    op.create_table(
        "analysis_requests",
        sa.Column("id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("owner_id", columns.IDENTIFIER, nullable=False),
        sa.Column("scene", sa.Text(), nullable=False),
        sa.Column("manifest", columns.DOCUMENT, nullable=False),
        sa.Column("content_key", columns.HASH, nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analysis_requests")),
        if_not_exists=True,
    )
    _index(
        "ix_analysis_requests_tenant_id_content_key",
        "analysis_requests",
        ["tenant_id", "content_key"],
    )
    op.create_table(
        "analyzer_outbox",
        sa.Column("id", columns.SERIAL, autoincrement=True, nullable=False),
        sa.Column("effect", columns.KEYWORD, nullable=False),
        sa.Column("exchange", columns.NAME, nullable=False),
        sa.Column("routing_key", columns.NAME, nullable=False),
        sa.Column("kind", columns.NAME, nullable=False),
        sa.Column("mandatory", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("headers", columns.DOCUMENT, nullable=False),
        sa.Column("body", columns.BODY, nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analyzer_outbox")),
        if_not_exists=True,
    )
    op.create_table(
        "api_outbox",
        sa.Column("id", columns.SERIAL, autoincrement=True, nullable=False),
        sa.Column("effect", columns.KEYWORD, nullable=False),
        sa.Column("exchange", columns.NAME, nullable=False),
        sa.Column("routing_key", columns.NAME, nullable=False),
        sa.Column("kind", columns.NAME, nullable=False),
        sa.Column("mandatory", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("headers", columns.DOCUMENT, nullable=False),
        sa.Column("body", columns.BODY, nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_outbox")),
        if_not_exists=True,
    )
    op.create_table(
        "assets",
        sa.Column("id", columns.SERIAL, autoincrement=True, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("owner_id", columns.IDENTIFIER, nullable=False),
        sa.Column("name", columns.NAME, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("blake3", columns.HASH, nullable=False),
        sa.Column("md5", columns.HASH, nullable=False),
        sa.Column("xxh64", columns.KEYWORD, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("object_key", columns.OBJECT_KEY, nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assets")),
        sa.UniqueConstraint("tenant_id", "blake3", name=op.f("uq_assets_tenant_id_blake3")),
        if_not_exists=True,
    )
    _index("ix_assets_tenant_id_md5_xxh64", "assets", ["tenant_id", "md5", "xxh64"])
    op.create_table(
        "attempts",
        sa.Column("id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("job_id", columns.IDENTIFIER, nullable=False),
        sa.Column("step_id", columns.IDENTIFIER, nullable=False),
        sa.Column("task_id", columns.IDENTIFIER, nullable=False),
        sa.Column("node_id", columns.IDENTIFIER, nullable=False),
        sa.Column("session", columns.IDENTIFIER, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("state", columns.KEYWORD, nullable=False),
        sa.Column("cores", sa.Integer(), nullable=False),
        sa.Column("ram", sa.BigInteger(), nullable=False),
        sa.Column("gpus", columns.DOCUMENT, nullable=False),
        sa.Column("failure", columns.KEYWORD),
        sa.Column("detail", columns.LONG_TEXT),
        sa.Column("assigned_at", columns.MOMENT, nullable=False),
        sa.Column("started_at", columns.MOMENT),
        sa.Column("ended_at", columns.MOMENT),
        sa.Column("swept_at", columns.MOMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        if_not_exists=True,
    )
    _index("ix_attempts_node_id_state", "attempts", ["node_id", "state"])
    _index("ix_attempts_state", "attempts", ["state"])
    _index("ix_attempts_swept_at_ended_at", "attempts", ["swept_at", "ended_at"])
    _index("ix_attempts_task_id", "attempts", ["task_id"])
    _index(
        "ix_attempts_tenant_id_job_id_assigned_at",
        "attempts",
        ["tenant_id", "job_id", "assigned_at"],
    )
    op.create_table(
        "audit_log",
        sa.Column("id", columns.SERIAL, autoincrement=True, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("user_id", columns.IDENTIFIER, nullable=False),
        sa.Column("action", columns.NAME, nullable=False),
        sa.Column("object", columns.NAME, nullable=False),
        sa.Column("details", columns.DOCUMENT, nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
        if_not_exists=True,
    )
    _index("ix_audit_log_tenant_id_created_at", "audit_log", ["tenant_id", "created_at"])
    op.create_table(
        "bundles",
        sa.Column("id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("owner_id", columns.IDENTIFIER, nullable=False),
        sa.Column("manifest", columns.DOCUMENT, nullable=False),
        sa.Column("file_count", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bundles")),
        if_not_exists=True,
    )
    op.create_table(
        "designs",
        sa.Column("id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("owner_id", columns.IDENTIFIER, nullable=False),
        sa.Column("design_id", columns.NAME, nullable=False),
        sa.Column("name", columns.NAME, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("manifest", columns.DOCUMENT, nullable=False),
        sa.Column("details", columns.DOCUMENT, nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_designs")),
        sa.UniqueConstraint("tenant_id", "design_id", name=op.f("uq_designs_tenant_id_design_id")),
        if_not_exists=True,
    )
    op.create_table(
        "error_reports",
        sa.Column("error_type", columns.KEYWORD, nullable=False),
        sa.Column("message_hash", columns.HASH, nullable=False),
        sa.Column("error_message", sa.Text(), nullable=False),
        sa.Column("stack_trace", columns.LONG_TEXT, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_occurred_at", columns.MOMENT, nullable=False),
        sa.Column("last_occurred_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("error_type", "message_hash", name=op.f("pk_error_reports")),
        if_not_exists=True,
    )
    op.create_table(
        "failed_ordinals",
        sa.Column("step_id", columns.IDENTIFIER, nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("frame", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("kind", columns.KEYWORD, nullable=False),
        sa.Column("error", columns.LONG_TEXT, nullable=False),
        sa.Column("at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("step_id", "ordinal", name=op.f("pk_failed_ordinals")),
        if_not_exists=True,
    )
    op.create_table(
        "given_back",
        sa.Column("step_id", columns.IDENTIFIER, nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("not_before", columns.MOMENT, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("avoid_node", columns.IDENTIFIER),
        sa.PrimaryKeyConstraint("step_id", "ordinal", name=op.f("pk_given_back")),
        if_not_exists=True,
    )
    op.create_table(
        "hardware_configs",
        sa.Column("id", columns.SERIAL, autoincrement=True, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("name", columns.NAME, nullable=False),
        sa.Column("cores", sa.Integer(), nullable=False),
        sa.Column("ram", sa.BigInteger(), nullable=False),
        sa.Column("gpu_count", sa.Integer(), nullable=False),
        sa.Column("gpu_model", columns.NAME, nullable=False),
        sa.Column("vram", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.Float(), nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hardware_configs")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_hardware_configs_tenant_id_name")),
        if_not_exists=True,
    )
    op.create_table(
        "history",
        sa.Column("id", columns.SERIAL, autoincrement=True, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("job_id", columns.IDENTIFIER, nullable=False),
        sa.Column("entity", columns.KEYWORD, nullable=False),
        sa.Column("entity_id", columns.IDENTIFIER, nullable=False),
        sa.Column("was", columns.KEYWORD),
        sa.Column("became", columns.KEYWORD, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", columns.NAME, nullable=False),
        sa.Column("at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
        if_not_exists=True,
    )
    _index("ix_history_tenant_id_job_id_id", "history", ["tenant_id", "job_id", "id"])
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("user_id", columns.IDENTIFIER, nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("request_sha256", columns.HASH, nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("answer", columns.LONG_TEXT),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "user_id", "idempotency_key", name=op.f("pk_idempotency_keys")
        ),
        if_not_exists=True,
    )
    _index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
    op.create_table(
        "job_states",
        sa.Column("job_id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("owner_id", columns.IDENTIFIER, nullable=False),
        sa.Column("state", columns.KEYWORD, nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("applied_version", sa.Integer(), nullable=False),
        sa.Column("applied_retries", sa.Integer(), nullable=False),
        sa.Column("applied_cleanups", sa.Integer(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("succeeded", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("error", columns.LONG_TEXT),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.Column("started_at", columns.MOMENT),
        sa.Column("finished_at", columns.MOMENT),
        sa.Column("updated_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_job_states")),
        if_not_exists=True,
    )
    _index("ix_job_states_state", "job_states", ["state"])
    _index(
        "ix_job_states_tenant_id_owner_id_state_created_at",
        "job_states",
        ["tenant_id", "owner_id", "state", "created_at"],
    )
    _index(
        "ix_job_states_tenant_id_state_created_at",
        "job_states",
        ["tenant_id", "state", "created_at"],
    )
    op.create_table(
        "jobs",
        sa.Column("id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("owner_id", columns.IDENTIFIER, nullable=False),
        sa.Column("user_label", columns.NAME, nullable=False),
        sa.Column("name", columns.NAME, nullable=False),
        sa.Column("kind", columns.KEYWORD, nullable=False),
        sa.Column("pool", columns.NAME, nullable=False),
        sa.Column("bundle_id", columns.IDENTIFIER),
        sa.Column("design_id", columns.IDENTIFIER),
        sa.Column("spec", columns.DOCUMENT, nullable=False),
        sa.Column("frame_count", sa.Integer(), nullable=False),
        sa.Column("wanted", columns.KEYWORD, nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("retries_wanted", sa.Integer(), nullable=False),
        sa.Column("cleanups_wanted", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.Column("updated_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        if_not_exists=True,
    )
    _index("ix_jobs_tenant_id_bundle_id", "jobs", ["tenant_id", "bundle_id"])
    _index("ix_jobs_tenant_id_created_at_id", "jobs", ["tenant_id", "created_at", "id"])
    _index(
        "ix_jobs_tenant_id_owner_id_created_at", "jobs", ["tenant_id", "owner_id", "created_at"]
    )
    _index("ix_jobs_updated_at", "jobs", ["updated_at"])
    op.create_table(
        "leadership",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("holder", columns.NAME, nullable=False),
        sa.Column("since", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leadership")),
        if_not_exists=True,
    )
    op.create_table(
        "nodes",
        sa.Column("id", columns.IDENTIFIER, nullable=False),
        sa.Column("name", columns.NAME, nullable=False),
        sa.Column("session", columns.IDENTIFIER, nullable=False),
        sa.Column("state", columns.KEYWORD, nullable=False),
        sa.Column("offer", columns.DOCUMENT, nullable=False),
        sa.Column("seen_at", columns.MOMENT, nullable=False),
        sa.Column("updated_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nodes")),
        if_not_exists=True,
    )
    op.create_table(
        "results",
        sa.Column("step_id", columns.IDENTIFIER, nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("job_id", columns.IDENTIFIER, nullable=False),
        sa.Column("attempt_id", columns.IDENTIFIER, nullable=False),
        sa.Column("node_id", columns.IDENTIFIER, nullable=False),
        sa.Column("frame", sa.Integer(), nullable=False),
        sa.Column("object_key", columns.OBJECT_KEY, nullable=False),
        sa.Column("thumbnail_key", columns.OBJECT_KEY),
        sa.Column("blake3", columns.HASH, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("media_type", columns.KEYWORD, nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("step_id", "ordinal", name=op.f("pk_results")),
        if_not_exists=True,
    )
    _index("ix_results_attempt_id", "results", ["attempt_id"])
    _index("ix_results_tenant_id_job_id_frame", "results", ["tenant_id", "job_id", "frame"])
    op.create_table(
        "scheduler_outbox",
        sa.Column("id", columns.SERIAL, autoincrement=True, nullable=False),
        sa.Column("effect", columns.KEYWORD, nullable=False),
        sa.Column("exchange", columns.NAME, nullable=False),
        sa.Column("routing_key", columns.NAME, nullable=False),
        sa.Column("kind", columns.NAME, nullable=False),
        sa.Column("mandatory", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("headers", columns.DOCUMENT, nullable=False),
        sa.Column("body", columns.BODY, nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduler_outbox")),
        if_not_exists=True,
    )
    op.create_table(
        "steps",
        sa.Column("id", columns.IDENTIFIER, nullable=False),
        sa.Column("job_id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", columns.NAME, nullable=False),
        sa.Column("state", columns.KEYWORD, nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("next_ordinal", sa.Integer(), nullable=False),
        sa.Column("succeeded", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("updated_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_steps")),
        if_not_exists=True,
    )
    _index("ix_steps_job_id_position", "steps", ["job_id", "position"], unique=True)
    op.create_table(
        "tasks",
        sa.Column("id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("owner_id", columns.IDENTIFIER, nullable=False),
        sa.Column("job_id", columns.IDENTIFIER, nullable=False),
        sa.Column("step_id", columns.IDENTIFIER, nullable=False),
        sa.Column("ordinals", columns.DOCUMENT, nullable=False),
        sa.Column("frames", columns.DOCUMENT, nullable=False),
        sa.Column("state", columns.KEYWORD, nullable=False),
        sa.Column("node_id", columns.IDENTIFIER, nullable=False),
        sa.Column("attempt_id", columns.IDENTIFIER, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", columns.LONG_TEXT),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.Column("started_at", columns.MOMENT),
        sa.Column("finished_at", columns.MOMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        if_not_exists=True,
    )
    _index("ix_tasks_state", "tasks", ["state"])
    _index(
        "ix_tasks_tenant_id_owner_id_state_created_at",
        "tasks",
        ["tenant_id", "owner_id", "state", "created_at"],
    )
    _index("ix_tasks_tenant_id_job_id_state", "tasks", ["tenant_id", "job_id", "state"])
    _index("ix_tasks_tenant_id_state_node_id", "tasks", ["tenant_id", "state", "node_id"])
    _index(
        "ix_tasks_tenant_id_state_priority_created_at",
        "tasks",
        ["tenant_id", "state", "priority", "created_at"],
    )
    op.create_table(
        "tenants",
        sa.Column("id", columns.IDENTIFIER, nullable=False),
        sa.Column("name", columns.NAME, nullable=False),
        sa.Column("content_key", columns.HASH, nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
        sa.UniqueConstraint("name", name=op.f("uq_tenants_name")),
        if_not_exists=True,
    )
    op.create_table(
        "tokens",
        sa.Column("id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("user_id", columns.IDENTIFIER, nullable=False),
        sa.Column("role", columns.KEYWORD, nullable=False),
        sa.Column("node_id", columns.IDENTIFIER),
        sa.Column("secret_sha256", columns.HASH, nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.Column("expires_at", columns.MOMENT),
        sa.Column("revoked_at", columns.MOMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        if_not_exists=True,
    )
    op.create_table(
        "uploads",
        sa.Column("id", columns.SERIAL, autoincrement=True, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("owner_id", columns.IDENTIFIER, nullable=False),
        sa.Column("asset_id", columns.SERIAL, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("uploaded", sa.Boolean(), nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
        if_not_exists=True,
    )
    _index("ix_uploads_tenant_id_created_at", "uploads", ["tenant_id", "created_at"])
    op.create_table(
        "users",
        sa.Column("id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("name", columns.NAME, nullable=False),
        sa.Column("role", columns.KEYWORD, nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_users_tenant_id_name")),
        if_not_exists=True,
    )
    op.create_table(
        "workspaces_freed",
        sa.Column("job_id", columns.IDENTIFIER, nullable=False),
        sa.Column("node_id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "node_id", name=op.f("pk_workspaces_freed")),
        if_not_exists=True,
    )

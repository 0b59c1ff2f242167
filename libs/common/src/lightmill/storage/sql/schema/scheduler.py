"""Tables that only the leading scheduler writes."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, Table, Text

from lightmill.storage.sql.schema.columns import (
    DOCUMENT,
    HASH,
    IDENTIFIER,
    KEYWORD,
    LONG_TEXT,
    METADATA,
    MOMENT,
    NAME,
    OBJECT_KEY,
    SERIAL,
    outbox_columns,
)

LEADERSHIP = Table(
    "leadership",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("epoch", BigInteger, nullable=False),
    Column("holder", NAME, nullable=False),
    Column("since", MOMENT, nullable=False),
)

JOB_STATES = Table(
    "job_states",
    METADATA,
    Column("job_id", IDENTIFIER, primary_key=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("owner_id", IDENTIFIER, nullable=False),
    Column("state", KEYWORD, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("priority", Integer, nullable=False, server_default="1"),  # of jobs, as applied
    Column("applied_version", Integer, nullable=False),  # of jobs.version
    Column("applied_retries", Integer, nullable=False),  # of jobs.retries_wanted
    Column("applied_cleanups", Integer, nullable=False),  # of jobs.cleanups_wanted
    Column("frames", Integer, nullable=False),
    Column("succeeded", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("running", Integer, nullable=False),
    Column("progress", Float, nullable=False),  # 0 to 1, running frames included
    Column("error", LONG_TEXT),
    Column("version", BigInteger, nullable=False),  # of this row, for the status cache
    Column("created_at", MOMENT, nullable=False),
    Column("started_at", MOMENT),
    Column("finished_at", MOMENT),
    Column("updated_at", MOMENT, nullable=False),
    Index(None, "tenant_id", "state", "created_at"),
    Index(None, "tenant_id", "state", "priority", "created_at"),
    Index(None, "tenant_id", "owner_id", "state", "created_at"),
    Index(None, "state"),
)

STEPS = Table(
    "steps",
    METADATA,
    Column("id", IDENTIFIER, primary_key=True),
    Column("job_id", IDENTIFIER, nullable=False),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("position", Integer, nullable=False),  # in the job's spec
    Column("name", NAME, nullable=False),
    Column("state", KEYWORD, nullable=False),
    Column("frames", Integer, nullable=False),
    Column(
        "next_ordinal", Integer, nullable=False
    ),  # waiting: [next_ordinal, frames) and what was given back
    Column("succeeded", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("running", Integer, nullable=False),
    Column("ram", BigInteger),  # bytes that a task gets at least, since one ran out of memory
    Column("timing", DOCUMENT),  # of its frames: count, mean and variance in seconds
    Column("held_until", MOMENT),  # a licence was lacking
    Column("shortages", Integer, nullable=False, server_default="0"),  # of it, in a row
    Column("updated_at", MOMENT, nullable=False),
    Index(None, "job_id", "position", unique=True),
)

GIVEN_BACK = Table(
    "given_back",
    METADATA,
    Column("step_id", IDENTIFIER, primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("not_before", MOMENT, nullable=False),
    Column("failures", Integer, nullable=False),  # tries that used up a retry
    Column("tries", Integer, nullable=False),  # tries of any end
    Column("avoid_node", IDENTIFIER),  # where it failed last
)

FAILED_ORDINALS = Table(
    "failed_ordinals",
    METADATA,
    Column("step_id", IDENTIFIER, primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("frame", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("kind", KEYWORD, nullable=False),
    Column("error", LONG_TEXT, nullable=False),
    Column("at", MOMENT, nullable=False),
)

TASKS = Table(
    "tasks",
    METADATA,
    Column("id", IDENTIFIER, primary_key=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("owner_id", IDENTIFIER, nullable=False),
    Column("job_id", IDENTIFIER, nullable=False),
    Column("step_id", IDENTIFIER, nullable=False),
    Column("ordinals", DOCUMENT, nullable=False),  # positions in the step, as rendered
    Column("frames", DOCUMENT, nullable=False),  # the frame numbers beside them
    Column("state", KEYWORD, nullable=False),
    Column("node_id", IDENTIFIER, nullable=False),
    Column("attempt_id", IDENTIFIER, nullable=False),  # the current one: the fence
    Column("priority", Integer, nullable=False),
    Column("progress", Float, nullable=False),
    Column("failures", Integer, nullable=False),  # of its frames before it, as far as they count
    Column("tries", Integer, nullable=False),  # of its frames before it
    Column("error", LONG_TEXT),
    Column("created_at", MOMENT, nullable=False),
    Column("started_at", MOMENT),
    Column("finished_at", MOMENT),
    Index(None, "tenant_id", "state", "node_id"),
    Index(None, "tenant_id", "job_id"),  # which of them live is read from their attempts
)

ATTEMPTS = Table(
    "attempts",
    METADATA,
    Column("id", IDENTIFIER, primary_key=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("job_id", IDENTIFIER, nullable=False),
    Column("step_id", IDENTIFIER, nullable=False),
    Column("task_id", IDENTIFIER, nullable=False),
    Column("node_id", IDENTIFIER, nullable=False),
    Column("session", IDENTIFIER, nullable=False),
    Column("epoch", BigInteger, nullable=False),  # of the leader that assigned it
    Column("state", KEYWORD, nullable=False),
    Column("cores", Integer, nullable=False),
    Column("ram", BigInteger, nullable=False),
    Column("gpus", DOCUMENT, nullable=False),
    Column("failure", KEYWORD),
    Column("detail", LONG_TEXT),
    Column("assigned_at", MOMENT, nullable=False),
    Column("started_at", MOMENT),
    Column("ended_at", MOMENT),
    Column("swept_at", MOMENT),  # when its files were looked at and, unless owned, deleted
    Index(None, "tenant_id", "job_id", "assigned_at"),
    Index(None, "state", "job_id"),
    Index(None, "swept_at", "assigned_at"),
)

RESULTS = Table(
    "results",
    METADATA,
    Column("step_id", IDENTIFIER, primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("job_id", IDENTIFIER, nullable=False),
    Column("attempt_id", IDENTIFIER, nullable=False),
    Column("node_id", IDENTIFIER, nullable=False),
    Column("frame", Integer, nullable=False),
    Column("object_key", OBJECT_KEY),
    Column("thumbnail_key", OBJECT_KEY),
    Column("blake3", HASH, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("media_type", KEYWORD, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("peak_ram", BigInteger),
    Column("samples", Integer),
    Column("engine", KEYWORD),
    Column("created_at", MOMENT, nullable=False),
    Index(None, "tenant_id", "job_id", "frame"),
    Index(None, "attempt_id"),
)

NODES = Table(
    "nodes",
    METADATA,
    Column("id", IDENTIFIER, primary_key=True),
    Column("name", NAME, nullable=False),
    Column("session", IDENTIFIER, nullable=False),
    Column("state", KEYWORD, nullable=False),
    Column("offer", DOCUMENT, nullable=False),  # lightmill.domain.resources.Offer
    Column("wish", KEYWORD, nullable=False, server_default="RUN"),  # as applied
    Column("forgiven", Integer, nullable=False, server_default="0"),  # of node_wishes, as applied
    Column("quarantined_until", MOMENT),
    Column("failures", DOCUMENT),  # what counts towards a bar or a quarantine; None: nothing
    Column("kept", DOCUMENT),  # the wide step that it is kept for, and what that needs; None: free
    Column("seen_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
)

LIMIT_STATES = Table(
    "limit_states",
    METADATA,
    Column("name", NAME, primary_key=True),  # of a limit, or of a pool that scales
    Column("ceiling", Integer, nullable=False),
    Column("moved_at", MOMENT, nullable=False),
)

OUTLOOKS = Table(
    "outlooks",
    METADATA,
    Column("job_id", IDENTIFIER, primary_key=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("reasons", DOCUMENT, nullable=False),  # why it waits: kind, text and fields of each
    Column("earliest", MOMENT),  # when it will have ended: the best case,
    Column("expected", MOMENT),  # what is likely,
    Column("latest", MOMENT),  # and the worst case
    Column("at", MOMENT, nullable=False),
)

WORKSPACES_FREED = Table(
    "workspaces_freed",
    METADATA,
    Column("job_id", IDENTIFIER, primary_key=True),
    Column("node_id", IDENTIFIER, primary_key=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("bytes", BigInteger, nullable=False),  # as the node has said last
    Column("at", MOMENT, nullable=False),
)

HISTORY = Table(
    "history",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("job_id", IDENTIFIER, nullable=False),
    Column("entity", KEYWORD, nullable=False),  # job, step, task, attempt
    Column("entity_id", IDENTIFIER, nullable=False),
    Column("was", KEYWORD),
    Column("became", KEYWORD, nullable=False),
    Column("why", Text, nullable=False),
    Column("by", NAME, nullable=False),
    Column("at", MOMENT, nullable=False),
    Index(None, "tenant_id", "job_id", "id"),
)

ERROR_REPORTS = Table(
    "error_reports",
    METADATA,
    Column("error_type", KEYWORD, primary_key=True),
    Column("message_hash", HASH, primary_key=True),  # of the normalised message
    Column("error_message", Text, nullable=False),
    Column("stack_trace", LONG_TEXT, nullable=False),  # of the last occurrence, whole
    Column("count", Integer, nullable=False),
    Column("first_occurred_at", MOMENT, nullable=False),
    Column("last_occurred_at", MOMENT, nullable=False),
)

OUTBOX = Table("scheduler_outbox", METADATA, *outbox_columns())

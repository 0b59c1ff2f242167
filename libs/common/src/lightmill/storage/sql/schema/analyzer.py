"""Tables that only the analyzer writes."""

from sqlalchemy import Column, Index, Table

from lightmill.storage.sql.schema.columns import (
    DOCUMENT,
    HASH,
    IDENTIFIER,
    KEYWORD,
    LONG_TEXT,
    METADATA,
    MOMENT,
    outbox_columns,
)

ANALYSES = Table(
    "analyses",
    METADATA,
    Column("id", IDENTIFIER, primary_key=True),  # of analysis_requests
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("content_key", HASH, nullable=False),
    Column("state", KEYWORD, nullable=False),  # SUCCEEDED, FAILED
    Column("outcome", DOCUMENT),  # seed 004's shape: scene_info, asset, missing
    Column("error", LONG_TEXT),
    Column("finished_at", MOMENT, nullable=False),
    Index(None, "tenant_id", "content_key"),
)

OUTBOX = Table("analyzer_outbox", METADATA, *outbox_columns())

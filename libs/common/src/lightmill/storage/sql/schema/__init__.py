"""Every table, grouped by the one service that writes it."""

from lightmill.storage.sql.schema import analyzer, api, scheduler
from lightmill.storage.sql.schema.columns import METADATA

__all__ = ["METADATA", "analyzer", "api", "scheduler"]

"""The ports over SQL: a write, its audit row and its messages in one transaction."""

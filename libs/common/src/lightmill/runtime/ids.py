"""Identifiers that sort by age."""

import uuid_utils


def new_id() -> str:
    """Return a new UUIDv7 in its usual spelling of 36 characters."""
    return str(uuid_utils.uuid7())

"""Times as the API writes them."""

from datetime import UTC, datetime


def rfc3339(moment: datetime | None) -> str | None:
    """Return `moment` in UTC as RFC 3339 with microseconds and a Z, or None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

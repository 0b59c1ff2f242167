"""How long what runs will still take."""

from datetime import datetime


def remaining(progress: float, started_at: datetime | None, now: datetime) -> float | None:
    """Return the seconds that are left when the rest goes as fast as what is done.

    None where nothing is done yet, or nothing has been begun.

    Args:
        progress: The share that is done, 0 to 1.
        started_at: When it was begun.
        now: The moment for which it is asked.
    """
    if started_at is None or progress <= 0:
        return None
    return round(max(0.0, (now - started_at).total_seconds()) * (1 - progress) / progress, 1)

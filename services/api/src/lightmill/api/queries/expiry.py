"""Images that were deleted when their time was over are not told of."""

from sqlalchemy import ColumnElement, exists

from lightmill.storage.sql.schema.api import EXPIRIES
from lightmill.storage.sql.schema.scheduler import RESULTS


def still_there() -> ColumnElement[bool]:
    """Return the condition for results whose images have not expired."""
    gone = exists().where(
        EXPIRIES.c.job_id == RESULTS.c.job_id,
        EXPIRIES.c.kind == "results",
        EXPIRIES.c.at >= RESULTS.c.created_at,
    )
    return ~gone

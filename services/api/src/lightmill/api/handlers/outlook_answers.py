"""What the api answers about waiting jobs, for its OpenAPI document."""

from datetime import datetime
from typing import Any

from pydantic import Field

from lightmill.api.handlers.answers import Answer


class ReasonSeen(Answer):
    """One thing that keeps frames of a job from being rendered: for people, and for programs."""

    kind: str = Field(examples=["limit", "no_node", "paused", "approval", "not_looked_at"])
    text: str = Field(examples=["Limit arnold is used up: 4 of 4."])
    fields: dict[str, Any]


class ForecastSeen(Answer):
    """When the job will have ended: the best case, what is likely, and the worst."""

    earliest: datetime | None
    expected: datetime
    latest: datetime | None


class OutlookSeen(Answer):
    """Why a job waits, the most decisive first; none: nothing of it does.

    `at` is when the scheduler has looked last, null when it has not yet.
    """

    id: str
    state: str
    reasons: list[ReasonSeen]
    forecast: ForecastSeen | None
    at: datetime | None

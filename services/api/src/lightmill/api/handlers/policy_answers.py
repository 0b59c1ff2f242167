"""What the api answers about how the farm is shared, for its OpenAPI document."""

from datetime import datetime

from pydantic import Field

from lightmill.api.handlers.answers import Answer


class ScalingSeen(Answer):
    """A ceiling that follows the queue; intervals in seconds."""

    initial: int
    maximum: int
    step: int
    up_interval: float
    down_interval: float


class PoolSeen(Answer):
    """A pool; version 0: nobody has decided on it, it stands by itself."""

    name: str
    mode: str = Field(examples=["fair", "fifo"])
    scaling: ScalingSeen | None
    sandbox: str | None
    version: int
    updated_at: datetime | None


class LimitSeen(Answer):
    """A counted thing; `ceiling` is how many may be taken now, where that follows the queue."""

    name: str
    total: int | None
    scope: str = Field(examples=["task", "machine"])
    scaling: ScalingSeen | None
    ceiling: int | None
    version: int
    updated_at: datetime | None


class ShareSet(Answer):
    """What a user may expect; the user * is the whole tenant."""

    user: str
    weight: float
    size: int
    burst: int | None
    version: int


class ShareSeen(ShareSet):
    """What was decided on a user, and when."""

    updated_at: datetime


class FarmPolicySeen(Answer):
    """What holds for the whole farm."""

    preemption: bool
    version: int
    updated_at: datetime | None

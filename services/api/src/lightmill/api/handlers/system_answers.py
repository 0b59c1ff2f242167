"""Seed 003's answers about the system, in its spelling, for the OpenAPI document."""

from datetime import datetime
from typing import Any

from pydantic import Field

from lightmill.api.handlers.answers import Answer


class TasksSeen(Answer):
    """Sub-tasks of one kind: how many may run at once, how many do, how many wait."""

    concurrentTasks: int  # noqa: N815  # the seed's spelling
    runningTasks: int  # noqa: N815  # the seed's spelling
    pendingTasks: int  # noqa: N815  # the seed's spelling


class ExecutorStatus(Answer):
    """Sub-tasks for Lumina, and all others."""

    standardTasks: TasksSeen  # noqa: N815  # the seed's spelling
    luminaTasks: TasksSeen  # noqa: N815  # the seed's spelling


class PendingSeen(Answer):
    """Frames that wait."""

    total: int
    standard: int
    lumina: int


class TaskStats(Answer):
    """The tenant's frames; the rate is frames a minute of the jobs that are being rendered."""

    pending: PendingSeen
    processing: int
    completed: int
    failed: int
    processingRate: float  # noqa: N815  # the seed's spelling


class SystemStatus(Answer):
    """Seed 003's status; `uptime` in seconds, of the api."""

    status: str = Field(examples=["healthy", "degraded", "down"])
    uptime: float
    version: str
    executorStatus: ExecutorStatus  # noqa: N815  # the seed's spelling
    taskStats: TaskStats  # noqa: N815  # the seed's spelling
    dbStatus: str = Field(examples=["connected"])  # noqa: N815  # the seed's spelling


class ExecutorSeen(Answer):
    """A render machine, in seed 003's words; its groups are its pools."""

    executorId: str  # noqa: N815  # the seed's spelling
    executorName: str  # noqa: N815  # the seed's spelling
    executorGroup: list[str]  # noqa: N815  # the seed's spelling
    status: str
    runningTasks: int  # noqa: N815  # the seed's spelling
    lastHeartbeat: datetime  # noqa: N815  # the seed's spelling


class ExecutorStats(Answer):
    """The render machines."""

    total: int
    online: int
    executors: list[ExecutorSeen]


class DbStats(Answer):
    """Which parts answer, who leads, and how many kinds of errors the last hour saw."""

    parts: dict[str, bool]
    leader: dict[str, Any] | None
    recentErrors: int  # noqa: N815  # the seed's spelling


class Alert(Answer):
    """What somebody should look at."""

    level: str = Field(examples=["error", "warning"])
    message: str


class Monitoring(Answer):
    """Seed 003's monitoring."""

    systemStatus: SystemStatus  # noqa: N815  # the seed's spelling
    taskStats: TaskStats  # noqa: N815  # the seed's spelling
    executorStats: ExecutorStats  # noqa: N815  # the seed's spelling
    dbStats: DbStats  # noqa: N815  # the seed's spelling
    alerts: list[Alert]

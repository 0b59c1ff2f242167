"""What may happen to the farm, as the scheduler is told of it."""

from dataclasses import dataclass
from datetime import datetime

from lightmill.domain.job import JobSpec, Wanted
from lightmill.messages.node_report import NodeReport


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAsked:
    """What the api has written about a job; the latest version of it."""

    job_id: str
    tenant_id: str
    owner_id: str
    name: str
    bundle_id: str | None
    spec: JobSpec
    wanted: Wanted
    paused: bool
    priority: int
    retries_wanted: int
    cleanups_wanted: int
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NodeReported:
    """A node has said what is true of it."""

    report: NodeReport


@dataclass(frozen=True, slots=True)
class BeatPassed:
    """One of the leader's own ticks has come through the queue that carries the reports.

    `number` is the tick's; they count from 1.
    """

    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReturned:
    """No queue took orders for this session: whatever they assigned never arrived."""

    session: str
    attempt_ids: tuple[str, ...]


Fact = JobAsked | NodeReported | BeatPassed | OrderReturned

"""What may happen to the farm, as the scheduler is told of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lightmill.domain.job import JobSpec, Wanted
from lightmill.domain.policy import NodeWish, Policy
from lightmill.domain.states import JobState
from lightmill.messages.node_report import NodeReport


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAsked:
    """What the api has written about a job; the latest version of it.

    Attributes:
        user: Of whose share of the tenant it takes.
        approved: Whether a person has released the steps that wait for that.
        before: Of the jobs that it waits for, how those stand that had a state when it was read.
        is_new: Whether no leader had taken it up when it was read.
    """

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
    user: str = ""
    approved: bool = False
    before: Mapping[str, JobState] = field(default_factory=dict)
    is_new: bool = False


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


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    """The keeper of the farm has decided how it is shared from now on."""

    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAsked:
    """A person wants something of a node.

    Attributes:
        forgiven: How often its failures have been forgiven by a person so far.
    """

    node_id: str
    wish: NodeWish
    forgiven: int = 0


Fact = JobAsked | NodeReported | BeatPassed | OrderReturned | PolicyChanged | NodeAsked

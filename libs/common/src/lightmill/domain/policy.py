"""How the farm is shared: what its keeper decides, written by the api, read by the scheduler."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class PoolMode(StrEnum):
    """In which order a pool hands out its jobs."""

    FAIR = "fair"
    FIFO = "fifo"


class LimitScope(StrEnum):
    """What takes one of a limit: a running task, or a machine, however many tasks it runs."""

    TASK = "task"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """A ceiling that follows the queue (seed 003); intervals in seconds.

    Attributes:
        initial: Where it starts, and the lowest it goes (initialConcurrentTasks).
        maximum: The highest it goes (maxConcurrentTasks).
        step: By how much it moves (tasksPerScaleUp).
        up_interval: Between two steps up (scaleUpInterval).
        down_interval: Between two steps down (scaleDownInterval).
    """

    initial: int = 10
    maximum: int = 50
    step: int = 5
    up_interval: float = 60.0
    down_interval: float = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A counted thing that tasks share.

    Attributes:
        total: How many there are; None: only `scaling` bounds it.
    """

    name: str
    total: int | None = None
    scope: LimitScope = LimitScope.TASK
    scaling: Scaling | None = None

    @property
    def initial(self) -> int:
        """Return how many may be taken before its ceiling has moved."""
        bounds = [self.total, None if self.scaling is None else self.scaling.initial]
        return min((bound for bound in bounds if bound is not None), default=0)


SWEEPS = "sweeps"
LUMINA = "lumina"
DEFAULT_LIMITS = {
    SWEEPS: Limit(name=SWEEPS, scaling=Scaling()),
    LUMINA: Limit(name=LUMINA, scaling=Scaling(initial=2, step=2, up_interval=120.0)),
}
"""Seed 003's two kinds of sub-tasks, with its ceilings, until somebody decides on others."""

POOL_LIMIT = "pool:"
"""What the names of ceilings of pools begin with; no limit of the keeper's is named so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A group of nodes and how its work is ordered.

    Attributes:
        scaling: Bounds the tasks that run in it at once; None: its machines alone do.
        sandbox: The least isolation that its engines must have; None: whatever there is.
    """

    name: str
    mode: PoolMode = PoolMode.FAIR
    scaling: Scaling | None = None
    sandbox: str | None = None


DESIGNS = "designs"
"""The pool of design jobs: seed 000 promises that they start in the order of their creation."""

DEFAULT_POOLS = {DESIGNS: Pool(name=DESIGNS, mode=PoolMode.FIFO)}
"""Pools that stand without anybody having decided on them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a tenant, or one user of it, may expect of the farm.

    Attributes:
        user: Who; None: the whole tenant.
        weight: Twice the weight, twice the share.
        size: Cores below which it goes before those that have theirs.
        burst: Cores that it never exceeds; None: no bound.
    """

    tenant_id: str
    user: str | None = None
    weight: float = 1.0
    size: int = 0
    burst: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything that the keeper of the farm has decided.

    Attributes:
        pools: By name; a pool that is not named here is fair and unbounded.
        limits: By name; a limit that a job names and that is not here lets nothing through.
        shares: By (tenant, user); user is None for the tenant itself.
        preemption: Whether work of higher priority may end running work of lower priority.
    """

    pools: Mapping[str, Pool] = field(default_factory=dict)
    limits: Mapping[str, Limit] = field(default_factory=dict)
    shares: Mapping[tuple[str, str | None], Share] = field(default_factory=dict)
    preemption: bool = False


class NodeWish(StrEnum):
    """What a person wants of a node."""

    RUN = "RUN"
    DRAIN = "DRAIN"
    DISABLE = "DISABLE"

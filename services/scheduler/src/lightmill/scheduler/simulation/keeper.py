"""The keeper of an invented farm: the policy that a scenario describes, drawn for each farm."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lightmill.domain.policy import Limit, LimitScope, Policy, Pool, Scaling, Share
from lightmill.scheduler.simulation.kernel import Kernel
from lightmill.scheduler.simulation.kinds import Span

TENANT = "tenant"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRule:
    """A limit; `scaling` makes it follow the queue."""

    total: Span | None = None
    scope: str = LimitScope.TASK
    scaling: Scaling | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRule:
    """A pool with a ceiling on its tasks."""

    scaling: Scaling | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRule:
    """What a user may expect; `held` is the share of the farms in which it is decreed."""

    held: float = 1.0
    weight: Span = (1.0, 1.0)
    size: Span = (0, 0)
    burst: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a scenario says of policies; `preemption` is the share of the farms that allow it."""

    preemption: float = 0.0
    limits: Mapping[str, LimitRule] = field(default_factory=dict)
    pools: Mapping[str, PoolRule] = field(default_factory=dict)
    shares: Mapping[str, ShareRule] = field(default_factory=dict)

    def draw(self, kernel: Kernel) -> Policy:
        """Return the policy of one farm."""
        shares = [
            _share(user, rule, kernel)
            for user, rule in self.shares.items()
            if kernel.chance(rule.held)
        ]
        return Policy(
            pools={
                name: Pool(name=name, scaling=rule.scaling) for name, rule in self.pools.items()
            },
            limits={name: _limit(name, rule, kernel) for name, rule in self.limits.items()},
            shares={(share.tenant_id, share.user): share for share in shares},
            preemption=kernel.chance(self.preemption),
        )


def _limit(name: str, rule: LimitRule, kernel: Kernel) -> Limit:
    total = None if rule.total is None else round(kernel.draw(rule.total))
    return Limit(name=name, total=total, scope=LimitScope(rule.scope), scaling=rule.scaling)


def _share(user: str, rule: ShareRule, kernel: Kernel) -> Share:
    return Share(
        tenant_id=TENANT,
        user=user,
        weight=kernel.draw(rule.weight),
        size=round(kernel.draw(rule.size)),
        burst=None if rule.burst is None else round(kernel.draw(rule.burst)),
    )

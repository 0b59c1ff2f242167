"""Who uses how much of the farm: weighted dominant-resource fairness over tenants and users.

Ghodsi et al., "Dominant Resource Fairness" (NSDI 2011): whoever has the least of what it needs
most goes next. Weights as in the paper; `size` and `burst` as in OpenCue's subscriptions.
"""

from dataclasses import dataclass, field, replace

from lightmill.domain.policy import Policy, Share
from lightmill.scheduler.core.fleet import Total
from lightmill.scheduler.core.work import Attempt, Job

Standing = tuple[bool, float]
"""Whether it has its size, and its dominant share over its weight: the least goes first."""

_HAIR = 1e-9
"""What rounding may make of two shares that are equal."""


@dataclass(slots=True, eq=False)
class Account:
    """What a tenant, or one user of it, holds at present; `ram` in bytes.

    Attributes:
        total: What all machines have.
    """

    share: Share
    total: Total
    cores: int = 0
    ram: int = 0
    gpus: int = 0
    _standing: Standing | None = None

    @property
    def standing(self) -> Standing:
        """Return its place among its like; reckoned when it is asked for."""
        return self._standing or self._stand()

    def add(self, cores: int, ram: int, gpus: int) -> None:
        """Count what is taken, or given back where it is negative."""
        self.cores += cores
        self.ram += ram
        self.gpus += gpus
        self._standing = None

    def forget_standing(self) -> None:
        """Have its place reckoned anew: what it is measured by has changed."""
        self._standing = None

    def _stand(self) -> Standing:
        total = self.total
        dominant = self.cores / total.cores if total.cores else 0.0
        if total.ram and self.ram / total.ram > dominant:
            dominant = self.ram / total.ram
        if total.gpus and self.gpus / total.gpus > dominant:
            dominant = self.gpus / total.gpus
        self._standing = (self.cores >= self.share.size, dominant / self.share.weight)
        return self._standing

    def may_add(self, cores: int) -> bool:
        """Tell whether `cores` more stay within its burst."""
        return self.share.burst is None or self.cores + cores <= self.share.burst


@dataclass(slots=True, eq=False)
class Accounts:
    """The account of one user beside that of the tenant."""

    key: tuple[str, str]
    tenant: Account
    user: Account

    def may_add(self, cores: int) -> bool:
        """Tell whether both may have `cores` more."""
        tenant, user = self.tenant, self.user
        return (tenant.share.burst is None or tenant.may_add(cores)) and (
            user.share.burst is None or user.may_add(cores)
        )

    def is_close(self, other: "Accounts", cores: int, total: Total) -> bool:
        """Tell whether, with `cores` more, these stay within one such task of `other`.

        One user's own jobs never change places: among them the age decides.
        """
        pairs = [(self.tenant, other.tenant), (self.user, other.user)]
        task = cores / total.cores if total.cores else 0.0
        return self is not other and all(
            mine is theirs
            or (
                mine.standing[0] <= theirs.standing[0]
                and mine.standing[1] - theirs.standing[1] <= task / mine.share.weight + _HAIR
            )
            for mine, theirs in pairs
        )


@dataclass(slots=True)
class Shares:
    """All accounts, made when they are first needed."""

    total: Total
    policy: Policy = field(default_factory=Policy)
    _reckoned: Total = field(default_factory=Total)
    _tenants: dict[str, Account] = field(default_factory=dict)
    _users: dict[tuple[str, str], Accounts] = field(default_factory=dict)

    def of(self, job: Job) -> Accounts:
        """Return the accounts that work of `job` is counted on."""
        key = (job.tenant_id, job.user)
        found = self._users.get(key)
        if found is None:
            tenant = self._tenants.get(job.tenant_id)
            if tenant is None:
                tenant = Account(self._share(job.tenant_id, None), self.total)
                self._tenants[job.tenant_id] = tenant
            found = Accounts(key, tenant, Account(self._share(*key), self.total))
            self._users[key] = found
        return found

    def allow(self, job: Job, cores: int) -> bool:
        """Tell whether `cores` more for `job` stay within all bursts; FIFO pools know none."""
        return job.spec.fifo or self.of(job).may_add(cores)

    def add(self, attempt: Attempt, sign: int) -> None:
        """Count what `attempt` takes (1), or gives back (-1)."""
        accounts = self.of(attempt.task.step.job)
        cores, ram, gpus = sign * attempt.cores, sign * attempt.ram, sign * len(attempt.gpus)
        accounts.tenant.add(cores, ram, gpus)
        accounts.user.add(cores, ram, gpus)

    def reckon(self) -> None:
        """Bring every standing up to date, when machines have come or gone."""
        if self._reckoned == self.total:
            return
        self._reckoned = replace(self.total)
        for tenant in self._tenants.values():
            tenant.forget_standing()
        for accounts in self._users.values():
            accounts.user.forget_standing()

    def decree(self, policy: Policy) -> None:
        """Let other weights, sizes and bursts hold from now on."""
        self.policy = policy
        for tenant_id, tenant in self._tenants.items():
            tenant.share = self._share(tenant_id, None)
        for key, accounts in self._users.items():
            accounts.user.share = self._share(*key)
        self._reckoned = Total()

    def _share(self, tenant_id: str, user: str | None) -> Share:
        default = Share(tenant_id=tenant_id, user=user)
        return self.policy.shares.get((tenant_id, user), default)

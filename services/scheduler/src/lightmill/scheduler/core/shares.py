"""Who uses how much of the farm: weighted dominant-resource fairness over tenants and users.

Ghodsi et al., "Dominant Resource Fairness" (NSDI 2011): whoever has the least of what it needs
most goes next. Weights as in the paper; `size` and `burst` as in OpenCue's subscriptions. What
was held lately counts beside what is held, as on Slurm, but for minutes.
"""

from dataclasses import dataclass, field, replace
from math import exp

from lightmill.domain.policy import Policy, Share
from lightmill.scheduler.core.accounts import Account, Accounts
from lightmill.scheduler.core.total import Total
from lightmill.scheduler.core.work import Attempt, Job

MEMORY = 600.0
"""In seconds: what was held so long ago has faded to a third. Longer than most frames, so that
users whose tasks are large beside their share take turns; short beside a day, so that nobody who
had the farm alone waits for long.
"""


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
        if job.accounts is None:
            job.accounts = self._accounts((job.tenant_id, job.user))
        return job.accounts

    def _accounts(self, key: tuple[str, str]) -> Accounts:
        found = self._users.get(key)
        if found is None:
            tenant = self._tenants.get(key[0])
            if tenant is None:
                tenant = Account(self._share(key[0], None), self.total)
                self._tenants[key[0]] = tenant
            found = Accounts(key, tenant, Account(self._share(*key), self.total))
            self._users[key] = found
        return found

    def allow(self, job: Job, cores: int) -> bool:
        """Tell whether `cores` more for `job` stay within all bursts; FIFO pools know none."""
        return job.spec.fifo or self.of(job).may_add(cores)

    def add(self, attempt: Attempt, sign: int) -> None:
        """Count what `attempt` takes (1), or gives back (-1)."""
        job = attempt.task.step.job
        accounts = job.accounts or self.of(job)
        accounts.add(sign * attempt.cores, sign * attempt.ram, sign * len(attempt.gpus))

    def reckon(self) -> None:
        """Bring every standing up to date, when machines have come or gone."""
        if self._reckoned == self.total:
            return
        self._reckoned = replace(self.total)
        for tenant in self._tenants.values():
            tenant.known = None
        for accounts in self._users.values():
            accounts.user.known = None

    def remember(self, seconds: float) -> None:
        """Let `seconds` pass in which everybody holds what they hold."""
        part = 1 - exp(-seconds / MEMORY)
        for tenant in self._tenants.values():
            tenant.remember(part)
        for accounts in self._users.values():
            accounts.user.remember(part)

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

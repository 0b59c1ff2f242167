"""What tenants and users hold of the farm, and how they stand among their like."""

from dataclasses import dataclass

from lightmill.domain.policy import Share
from lightmill.scheduler.core.total import Total

Standing = tuple[bool, float]
"""Whether it has its size, and its dominant share over its weight: the least goes first."""

_HAIR = 1e-9
"""What rounding may make of two shares that are equal."""


@dataclass(slots=True, eq=False)
class Account:
    """What a tenant, or one user of it, holds at present; `ram` in bytes.

    Attributes:
        total: What all machines have.
        known: Its standing, or None while that is to be reckoned anew.
    """

    share: Share
    total: Total
    cores: int = 0
    ram: int = 0
    gpus: int = 0
    known: Standing | None = None

    @property
    def standing(self) -> Standing:
        """Return its place among its like; reckoned when it is asked for."""
        return self.known or self._stand()

    def _stand(self) -> Standing:
        total, share, cores = self.total, self.share, self.cores
        dominant = cores / total.cores if total.cores else 0.0
        if total.ram and (part := self.ram / total.ram) > dominant:
            dominant = part
        if self.gpus and total.gpus and (part := self.gpus / total.gpus) > dominant:
            dominant = part
        self.known = standing = (cores >= share.size, dominant / share.weight)
        return standing

    def is_close(self, other: "Account", task: float) -> bool:
        """Tell whether, with a `task` of this share of the machines, it stays beside `other`."""
        if self is other:
            return True
        has_size, share = self.standing
        has_other, others = other.standing
        return has_size <= has_other and share - others <= task / self.share.weight + _HAIR

    def may_add(self, cores: int) -> bool:
        """Tell whether `cores` more stay within its burst."""
        return self.share.burst is None or self.cores + cores <= self.share.burst


@dataclass(slots=True, eq=False)
class Accounts:
    """The account of one user beside that of the tenant."""

    key: tuple[str, str]
    tenant: Account
    user: Account

    def add(self, cores: int, ram: int, gpus: int) -> None:
        """Count what both take, or give back where it is negative."""
        tenant, user = self.tenant, self.user
        tenant.cores += cores
        user.cores += cores
        tenant.ram += ram
        user.ram += ram
        if gpus:
            tenant.gpus += gpus
            user.gpus += gpus
        tenant.known = user.known = None

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
        task = cores / total.cores if total.cores else 0.0
        return (
            self is not other
            and self.tenant.is_close(other.tenant, task)
            and self.user.is_close(other.user, task)
        )

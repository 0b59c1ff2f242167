"""What tenants and users hold of the farm, and how they stand among their like."""

from dataclasses import dataclass

from lightmill.domain.policy import Share
from lightmill.scheduler.core.total import Total

Standing = tuple[bool, float]
"""Whether it has its size, and over its weight its dominant share, present and past: the least
goes first.
"""

_PAST = 1.5
"""How much what was held lately counts beside what is held: whose task has just ended holds
nothing, and would otherwise go before whoever has waited beside it all the time.
"""

_HAIR = 1e-9
"""What rounding may make of two shares that are equal."""


@dataclass(slots=True, eq=False)
class Account:
    """What a tenant, or one user of it, holds at present; `ram` in bytes.

    Attributes:
        total: What all machines have.
        lately: Dominant share that it has held, the last minutes above all.
        known: Its standing, or None while that is to be reckoned anew.
    """

    share: Share
    total: Total
    cores: int = 0
    ram: int = 0
    gpus: int = 0
    lately: float = 0.0
    known: Standing | None = None
    _dominant: float = 0.0

    @property
    def standing(self) -> Standing:
        """Return its place among its like; reckoned when it is asked for."""
        return self.known or self.reckon()

    def reckon(self) -> Standing:
        """Return its standing, reckoned anew."""
        total, share, cores = self.total, self.share, self.cores
        dominant = cores / total.cores if total.cores else 0.0
        if total.ram and (part := self.ram / total.ram) > dominant:
            dominant = part
        if self.gpus and total.gpus and (part := self.gpus / total.gpus) > dominant:
            dominant = part
        self._dominant = dominant
        self.known = standing = (
            cores >= share.size,
            (dominant + _PAST * self.lately) / share.weight,
        )
        return standing

    def remember(self, part: float) -> None:
        """Let what it holds now make up `part` of what it is taken to have held lately."""
        if self.known is None:
            self.reckon()
        self.lately += part * (self._dominant - self.lately)
        self.known = None

    def is_close(self, other: "Account", task: float) -> bool:
        """Tell whether, with a `task` of this share of the machines, it stays beside `other`.

        Lately, too, neither may have held more than half of it above the other: so not even on a
        lone machine one of two keeps it for good, and turns are longer than a task.
        """
        if self is other:
            return True
        mine, others = self.share, other.share
        (has_size, share), (has_other, other_share) = self.standing, other.standing
        past = _PAST * (self.lately / mine.weight - other.lately / others.weight)
        if has_size > has_other or share - past - other_share > task / mine.weight + _HAIR:
            return False
        return past <= _PAST * task / (mine.weight + others.weight) + _HAIR

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
        """Count what both take, or give back where it is negative.

        Account by account, since a loop of two takes as long again.
        """
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

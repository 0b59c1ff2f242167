"""Which engines a job may ask for, by the farm's settings."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from lightmill.api.core.job_request import COMMAND, ENGINES, SIMULATED
from lightmill.api.core.problem import invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRules:
    """What the settings allow.

    Attributes:
        simulated: Whether the engine that renders nothing may be asked for.
        trusted_pools: Pools whose jobs may run programs of their own.
    """

    simulated: bool = False
    trusted_pools: AbstractSet[str] = frozenset()

    def require(self, field: str, engine: str, pool: str) -> None:
        """Return when jobs of `pool` may ask for `engine`.

        Raises:
            ProblemError: it names `field`, and what to do.
        """
        if engine not in set(ENGINES.values()):
            known = ", ".join(sorted(set(ENGINES.values())))
            raise invalid(field, f"is not known; use one of {known}")
        if engine == SIMULATED and not self.simulated:
            raise invalid(field, "the simulated engine is not enabled on this farm")
        if engine == COMMAND and pool not in self.trusted_pools:
            trusted = (
                ", ".join(sorted(self.trusted_pools)) or "none yet, see LIGHTMILL_TRUSTED_POOLS"
            )
            raise invalid(field, f"runs programs, in trusted pools alone; those are: {trusted}")

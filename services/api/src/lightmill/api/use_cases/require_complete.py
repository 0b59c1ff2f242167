"""Refuse a scene that is known to miss files."""

from collections.abc import Sequence

from lightmill.api.core.manifest import Entry
from lightmill.api.core.problem import FieldError, ProblemError
from lightmill.api.ports import Analyses
from lightmill.domain.principal import Principal

_NAMED = 20


class RequireComplete:
    """Looks up what an earlier analysis of exactly these files has found.

    A scene that nobody has had analysed is taken as it is: looking into it takes longer than a
    submission may.
    """

    def __init__(self, analyses: Analyses) -> None:
        self._analyses = analyses

    async def __call__(
        self, principal: Principal, field: str, scene: str, entries: Sequence[Entry]
    ) -> None:
        """Return when nothing is known to be missing.

        Raises:
            ProblemError: it names the files, and how to overrule it.
        """
        paths = await self._analyses.missing(principal.tenant_id, scene, entries)
        if not paths:
            return
        raise ProblemError(
            422,
            "files-missing",
            f"{field}: {scene} refers to {len(paths)} files that were not sent; "
            "send them too, or set allow_missing",
            errors=[FieldError(f"#/{field}", path) for path in paths[:_NAMED]],
        )

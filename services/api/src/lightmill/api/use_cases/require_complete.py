"""Refuse a scene that is known to miss files."""

from collections.abc import Sequence

from lightmill.api.core.manifest import Entry
from lightmill.api.core.problem import FieldError, ProblemError
from lightmill.api.ports import Analyses, MissingFile
from lightmill.domain.principal import Principal

_NAMED = 20
_USERS = 3


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
        files = await self._analyses.missing(principal.tenant_id, scene, entries)
        if not files:
            return
        raise ProblemError(
            422,
            "files-missing",
            f"{field}: {scene} refers to {len(files)} files that were not sent; "
            "send them too, or set allow_missing",
            errors=[FieldError(f"#/{field}", _told(file)) for file in files[:_NAMED]],
        )


def _told(file: MissingFile) -> str:
    """Return the file, who uses it, and what may be meant."""
    users = ", ".join(file.used_by[:_USERS])
    more = len(file.used_by) - _USERS
    used = f"used by {users}" + (f" and {more} more" if more > 0 else "") if users else None
    return "; ".join(filter(None, (file.path, used, file.hint)))

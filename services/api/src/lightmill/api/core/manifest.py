"""The files of a bundle or a design: which path holds which content."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from lightmill.api.core.problem import ProblemError, invalid
from lightmill.domain.bundle_paths import Neighbourhood, path_fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file: its path below the bundle's top, and what stands there; `size` in bytes."""

    path: str
    asset_id: int
    blake3: str
    size: int

    def document(self) -> dict[str, object]:
        """Return the entry as it is stored."""
        return asdict(self)


def require_paths(paths: Iterable[str]) -> None:
    """Return when `paths` can stand beside each other on every node.

    Raises:
        ProblemError: one cannot be written, or two are the same where case does not count.
    """
    beside = Neighbourhood()
    for index, path in enumerate(paths):
        fault = path_fault(path) or beside.fault(path)
        if fault is not None:
            raise _fault(index, fault)


def _fault(index: int, detail: str) -> ProblemError:
    return invalid(f"files/{index}/path", detail)

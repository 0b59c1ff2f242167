"""The files of a bundle or a design: which path holds which content."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath

from lightmill.api.core.problem import ProblemError, invalid

LONGEST_PATH = 1024
_RESERVED = {"con", "prn", "aux", "nul"} | {
    f"{p}{n}" for p in ("com", "lpt") for n in range(1, 10)
}


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


def path_fault(path: str) -> str | None:
    """Return why `path` cannot be written on every node, or None when it can."""
    parts = path.split("/")
    if not path or len(path) > LONGEST_PATH:
        return f"a path has 1 to {LONGEST_PATH} characters"
    if path.startswith("/") or (len(path) > 1 and path[1] == ":"):
        return "must be relative to the bundle, such as textures/wood.jpg"
    if "\\" in path or not path.isprintable():
        return "must be written with / and without control characters"
    if any(part in {"", ".", ".."} for part in parts):
        return "must not have . or .. or empty parts"
    return _part_fault(parts)


def _part_fault(parts: list[str]) -> str | None:
    for part in parts:
        if len(part.encode()) > 255:  # noqa: PLR2004  # what file systems take
            return "a part of a path has at most 255 bytes"
        if part[-1] in " ." or any(sign in part for sign in '<>:"|?*'):
            return 'Windows nodes take no part with <>:"|?* or a dot or space at its end'
        if PurePosixPath(part).name.partition(".")[0].lower() in _RESERVED:
            return f"{part} is a device's name on Windows nodes"
    return None


def require_paths(paths: Iterable[str]) -> None:
    """Return when `paths` can stand beside each other on every node.

    Raises:
        ProblemError: one cannot be written, or two are the same where case does not count.
    """
    seen: dict[str, int] = {}
    folders: dict[str, int] = {}
    for index, path in enumerate(paths):
        fault = path_fault(path)
        if fault is not None:
            raise _fault(index, fault)
        folded = path.casefold()
        if folded in seen:
            raise _fault(index, f"{path!r} is there twice (upper and lower case do not count)")
        seen[folded] = index
        for parent in list(PurePosixPath(folded).parents)[:-1]:
            folders.setdefault(str(parent), index)
    for folder, index in folders.items():
        if folder in seen:
            raise _fault(index, f"{folder!r} is a file and a folder at once")


def _fault(index: int, detail: str) -> ProblemError:
    return invalid(f"files/{index}/path", detail)

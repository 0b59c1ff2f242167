"""Absolute paths of any system, as text with slashes.

Blender's own Python reads this module too, from 3.10 on, so it needs nothing but the standard
library.
"""

import re
from collections.abc import Iterable

Moves = Iterable[tuple[str, str]]
"""Pairs of absolute paths: what stands below the first is found below the second."""

_DRIVE = re.compile(r"[A-Za-z]:(?:/|\Z)")


def slashed(path: str) -> str:
    """Return `path` with `/` for every separator."""
    return path.replace("\\", "/")


def is_absolute(path: str) -> bool:
    """Tell whether a path with slashes begins at a root, a drive or a server."""
    return path.startswith("/") or _DRIVE.match(path) is not None


def moved(path: str, moves: Moves) -> str | None:
    """Return where `path` is found, with slashes; None when no move speaks of it.

    The longest source wins, and of two alike the first. Sources end between folders: `P:/wolf`
    says nothing of `P:/wolfhound`. Upper and lower case count as they do where the path comes
    from: not with drives and servers.
    """
    plain = slashed(path)
    sources = ((slashed(source).rstrip("/"), slashed(target)) for source, target in moves)
    fitting = [(len(source), target) for source, target in sources if _covers(source, plain)]
    if not fitting:
        return None
    length, target = max(fitting, key=lambda item: item[0])
    rest = plain[length:].lstrip("/")
    if not rest or not target:
        return rest or target
    return target + rest if target.endswith("/") else f"{target}/{rest}"


def _covers(source: str, path: str) -> bool:
    if not is_absolute(path):
        return False
    start, rest = path[: len(source)], path[len(source) :]
    if rest and not rest.startswith("/"):
        return False
    if _DRIVE.match(path) or path.startswith("//"):
        return start.casefold() == source.casefold()
    return start == source

"""Whether the files that a scene refers to are where a node will look for them."""

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable

from lightmill.analyzer.core.reading import Use

_UDIM = {"<UDIM>": r"\d{4}", "<UVTILE>": r"u\d+_v\d+", "*": ".*"}
_DIGITS = re.compile(r"\d+$")


class Bundle:
    """The paths of a bundle, relative to its top, as every node lays them out."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._names: dict[str, set[str]] = defaultdict(set)
        self._folders: set[str] = set()
        self._by_name: dict[str, str] = {}
        for path in sorted(paths):
            folder, name = posixpath.split(path)
            self._names[folder].add(name)
            self._by_name.setdefault(name.casefold(), path)
            while folder not in self._folders and folder:
                self._folders.add(folder)
                folder = posixpath.dirname(folder)

    def holds(self, use: Use) -> bool:
        """Tell whether a node finds what `use` refers to; of a sequence, at least one file."""
        target = place(use)
        if target is None:
            return False
        folder, name = posixpath.split(target)
        if name in self._names.get(folder, ()):
            return True
        if not use.sequence and "<" not in name:
            return False
        if target in self._folders:
            return True
        pattern = re.compile(_pattern(name))
        return any(pattern.fullmatch(other) for other in self._names.get(folder, ()))

    def hint(self, use: Use) -> str | None:
        """Return how a file that `use` does not find would be found, where that can be told."""
        name = posixpath.basename(use.path)
        found = self._by_name.get(name.casefold()) if name else None
        if found is None:
            return None
        if place(use) is None:
            return (
                f"{found} is in the bundle, but the scene does not name it relative to itself; "
                "in Blender: File > External Data > Make Paths Relative"
            )
        return f"the bundle has {found}: folders, and upper and lower case, count on a node"


def place(use: Use) -> str | None:
    """Return where in the bundle a node looks for `use`; None when outside of the bundle.

    Absolute paths, of Windows (`C:/`) or POSIX (`/`), are places that no node has.
    """
    if not use.path.startswith("//"):
        return None
    folder = posixpath.dirname(use.referrer)
    target = posixpath.normpath(posixpath.join(folder, use.path.lstrip("/")))
    return None if target == ".." or target.startswith("../") else target


def _pattern(name: str) -> str:
    if any(mark in name for mark in _UDIM):
        parts = re.split("(<UDIM>|<UVTILE>|[*]+)", name)
        return "".join(
            _UDIM.get(part[:1] if "*" in part else part, re.escape(part)) for part in parts
        )
    stem, suffix = posixpath.splitext(name)
    first = _DIGITS.search(stem)
    if first is None:
        return re.escape(name)
    return re.escape(stem[: first.start()]) + r"\d+" + re.escape(suffix)

"""Files of a bundle that a missing one may be meant by."""

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

MOST = 3
_ALIKE = 0.8
_LONGEST = 120
_COMPARED = 5000


class Neighbours:
    """The files of a bundle by name, as people confuse them: case, folder, suffix, spelling."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._names: dict[str, list[str]] = defaultdict(list)
        self._stems: dict[str, list[str]] = defaultdict(list)
        for path in sorted(paths):
            name = posixpath.basename(path).casefold()
            self._names[name].append(path)
            self._stems[posixpath.splitext(name)[0]].append(path)

    def of(self, path: str, *, spelling: bool = True) -> list[str]:
        """Return up to three files that may be meant by `path`, the likeliest first.

        Files of the same name come first, those in a folder of the same name before others; then
        the same name with another suffix; then names that are nearly the same.

        Args:
            path: What is missing, with slashes.
            spelling: Whether to compare all names, which takes a while.
        """
        name = posixpath.basename(path.rstrip("/")).casefold()
        if not name:
            return []
        found = self._names.get(name) or self._stems.get(posixpath.splitext(name)[0]) or []
        if not found and spelling and len(name) <= _LONGEST and len(self._names) <= _COMPARED:
            alike = get_close_matches(name, self._names, n=MOST, cutoff=_ALIKE)
            found = [known for one in alike for known in self._names[one]]
        return _nearest(path, found)[:MOST]


def _nearest(path: str, found: Sequence[str]) -> list[str]:
    """Return `found`, those first that share the most folders with `path`, from the file up."""
    folders = path.casefold().split("/")[-2::-1]

    def shared(other: str) -> int:
        theirs = other.casefold().split("/")[-2::-1]
        both = zip(folders, theirs, strict=False)
        return next((n for n, (mine, its) in enumerate(both) if mine != its), len(theirs))

    return sorted(found, key=shared, reverse=True)

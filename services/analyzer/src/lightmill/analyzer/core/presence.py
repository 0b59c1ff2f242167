"""Whether the files that a scene refers to are where a node will look for them."""

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Sequence

from lightmill.analyzer.core.near import Neighbours
from lightmill.analyzer.core.pattern import is_pattern, matcher
from lightmill.analyzer.core.reading import Use
from lightmill.domain.absolute_paths import is_absolute
from lightmill.domain.path_rules import PathRule, System, translated


class Bundle:
    """The paths of a bundle, relative to its top, as every node lays them out.

    Args:
        paths: Of its files.
        rules: Where nodes find what scenes name by an absolute path.
    """

    def __init__(self, paths: Iterable[str], rules: Sequence[PathRule] = ()) -> None:
        listed = sorted(paths)
        self._rules = rules
        self._near = Neighbours(listed)
        self._names: dict[str, set[str]] = defaultdict(set)
        self._folders: set[str] = set()
        for path in listed:
            folder, name = posixpath.split(path)
            self._names[folder].add(name)
            while folder not in self._folders and folder:
                self._folders.add(folder)
                folder = posixpath.dirname(folder)

    def holds(self, use: Use) -> bool:
        """Tell whether a node finds what `use` refers to; of a sequence, at least one file."""
        return self.found(use) is not None

    def found(self, use: Use) -> str | None:
        """Return the place below the bundle's top where a node finds it, or None."""
        return next((p for p in self._places(use) if self._stands(p, use.sequence)), None)

    def elsewhere(self, use: Use) -> str | None:
        """Return the place outside of the bundle that the rules give it, or None.

        Only the nodes can see whether a file is there.
        """
        mapped = self._mapped(use)
        return mapped if mapped is not None and is_absolute(mapped) else None

    def near(self, use: Use, *, spelling: bool = True) -> list[str]:
        """Return files of the bundle that may be meant, the likeliest first."""
        return self._near.of(use.path, spelling=spelling)

    def hint(self, use: Use, near: Sequence[str]) -> str | None:
        """Return how a file that `use` does not find would be found, where that can be told."""
        if not near:
            return None
        found, name = near[0], posixpath.basename(use.path)
        if posixpath.basename(found).casefold() != name.casefold():
            return f"the bundle has {found}: is that what is meant?"
        if not self._places(use):
            remedy = "in Blender: File > External Data > Make Paths Relative"
            if use.places is not None:
                remedy = "write the path relative to the project"
            told = f"{found} is in the bundle, but the scene does not name it relative to itself"
            return f"{told}; {remedy}"
        return f"the bundle has {found}: folders, and upper and lower case, count on a node"

    def _places(self, use: Use) -> tuple[str, ...]:
        own = (place(use),) if use.places is None else use.places
        mapped = self._mapped(use)
        if mapped is not None and not is_absolute(mapped):
            own = (*own, posixpath.normpath(mapped))
        return tuple(one for one in own if one is not None)

    def _mapped(self, use: Use) -> str | None:
        if use.places is None and use.path.startswith("//"):
            return None  # Blender's own: below the folder of the scene
        return translated(use.path, self._rules, System.LINUX)

    def _stands(self, target: str, sequence: bool) -> bool:  # noqa: FBT001  # passed on
        folder, name = posixpath.split(target)
        if name in self._names.get(folder, ()):
            return True
        if not sequence and not is_pattern(name):
            return False
        if sequence and target in self._folders:
            return True
        return any(map(matcher(name), self._names.get(folder, ())))


def place(use: Use) -> str | None:
    """Return where in the bundle Blender looks for `use`; None when outside of the bundle.

    Absolute paths, of Windows (`C:/`) or POSIX (`/`), are places that no node has.
    """
    if not use.path.startswith("//"):
        return None
    folder = posixpath.dirname(use.referrer)
    target = posixpath.normpath(posixpath.join(folder, use.path.lstrip("/")))
    return None if target == ".." or target.startswith("../") else target

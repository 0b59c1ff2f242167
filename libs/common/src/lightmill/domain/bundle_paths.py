"""Paths of files in a bundle: which can stand on every node, alone and beside each other."""

import unicodedata
from pathlib import PurePosixPath

LONGEST_PATH = 1024
DEEPEST = 64
_LONGEST_PART = 255
_RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{p}{n}" for p in ("com", "lpt") for n in "0123456789¹²³"
}


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
    if len(parts) > DEEPEST:
        return f"has more than {DEEPEST} folders"
    return _part_fault(parts)


def _part_fault(parts: list[str]) -> str | None:
    for part in parts:
        if len(part.encode("utf-8", "surrogatepass")) > _LONGEST_PART:
            return f"a part of a path has at most {_LONGEST_PART} bytes"
        if part[-1] in " ." or any(sign in part for sign in '<>:"|?*'):
            return 'Windows nodes take no part with <>:"|?* or a dot or space at its end'
        if part.partition(".")[0].rstrip(" ").lower() in _RESERVED:
            return f"{part} is a device's name on Windows nodes"
    return None


class Neighbourhood:
    """Paths that stand beside each other, as the least able of all file systems sees them."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def fault(self, path: str) -> str | None:
        """Return why `path` cannot stand beside those before; None takes it in.

        Upper and lower case do not count on Windows and macOS, nor does how an accent is written.
        """
        plain = unicodedata.normalize("NFC", path).casefold()
        parents = [str(parent) for parent in PurePosixPath(plain).parents][:-1]
        if plain in self._files:
            return f"{path!r} is there twice (upper and lower case do not count)"
        if plain in self._folders or not self._files.isdisjoint(parents):
            return f"{path!r} is a file and a folder at once"
        self._files.add(plain)
        self._folders.update(parents)
        return None

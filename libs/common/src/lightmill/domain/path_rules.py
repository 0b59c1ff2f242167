"""One folder, many names: how a path of one machine is written on another."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_DRIVE = re.compile(r"[A-Za-z]:(?:/|\Z)")


class System(StrEnum):
    """What a machine runs."""

    LINUX = "linux"
    MACOS = "macos"
    WINDOWS = "windows"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRule:
    r"""What stands below `source` is found below `target`.

    Attributes:
        source: An absolute path of either system, as scenes have it: `P:\wolf`, `/mnt/wolf`.
        target: Where it is instead: an absolute path, or one in the bundle ("" for its top).
        system: On which system that holds; None on each.
    """

    source: str
    target: str
    system: System | None = None


def slashed(path: str) -> str:
    """Return `path` with `/` for every separator."""
    return path.replace("\\", "/")


def is_absolute(path: str) -> bool:
    """Tell whether a path with slashes begins at a root, a drive or a server."""
    return path.startswith("/") or _DRIVE.match(path) is not None


def translated(path: str, rules: Iterable[PathRule], system: System) -> str | None:
    """Return `path` as `system` finds it, with slashes; None when no rule speaks of it.

    The rule with the longest source wins, and of two alike the one for this very system. Sources
    end between folders: `P:/wolf` says nothing of `P:/wolfhound`. Upper and lower case count as
    they do where the path comes from: not with drives and servers.
    """
    plain = slashed(path)
    fitting = [
        (len(_source(rule)), rule.system is not None, rule)
        for rule in rules
        if rule.system in {None, system} and _covers(_source(rule), plain)
    ]
    if not fitting:
        return None
    length, _, rule = max(fitting, key=lambda item: item[:2])
    rest = plain[length:].lstrip("/")
    target = slashed(rule.target)
    if not rest or not target:
        return rest or target
    return target + rest if target.endswith("/") else f"{target}/{rest}"


def _source(rule: PathRule) -> str:
    """Return the source without slashes at its end; a root alone is the empty text."""
    return slashed(rule.source).rstrip("/")


def _covers(source: str, path: str) -> bool:
    if not is_absolute(path):
        return False
    start, rest = path[: len(source)], path[len(source) :]
    if rest and not rest.startswith("/"):
        return False
    if _DRIVE.match(path) or path.startswith("//"):
        return start.casefold() == source.casefold()
    return start == source

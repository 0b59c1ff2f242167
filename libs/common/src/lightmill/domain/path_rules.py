"""One folder, many names: how a path of one machine is written on another."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from lightmill.domain.absolute_paths import moved


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


def moves(rules: Iterable[PathRule], system: System) -> tuple[tuple[str, str], ...]:
    """Return what the rules say of one system; of two that are alike, its own comes first."""
    fitting = [rule for rule in rules if rule.system in {None, system}]
    fitting.sort(key=lambda rule: rule.system is None)
    return tuple((rule.source, rule.target) for rule in fitting)


def translated(path: str, rules: Iterable[PathRule], system: System) -> str | None:
    """Return `path` as `system` finds it, with slashes; None when no rule speaks of it.

    The rule with the longest source wins, and of two alike the one for this very system.
    """
    return moved(path, moves(rules, system))

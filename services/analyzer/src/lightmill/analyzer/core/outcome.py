"""The answer in the shape that seed 004 gave it, and what helps to find files beside it."""

from collections.abc import Iterable, Mapping, Sequence

from lightmill.analyzer.core.presence import Bundle
from lightmill.analyzer.core.reading import SceneReading, Use
from lightmill.domain.path_rules import PathRule

_SPELLED = 50
"""Missing files whose names are compared with all others: it takes milliseconds for each."""


def outcome(
    reading: SceneReading, paths: Iterable[str], rules: Sequence[PathRule] = ()
) -> dict[str, object]:
    """Return `{"scene_info", "asset", "missing"}`, and beside them what helps to find files.

    `asset` lists every path as written in the scene, `missing` those that a node would not find,
    as `{"file1": path}, {"file2": path}` and so on. `used_by` tells for each missing path which
    data-blocks use it, `near` which files of the bundle may be meant, `hints` how some of them
    would be found. `found` tells where in the bundle the others stand, `elsewhere` which lie
    outside of it by a rule: nobody but the nodes can see those.

    Args:
        reading: What the scene says.
        paths: The files of the bundle.
        rules: Where nodes find what scenes name by an absolute path.
    """
    bundle = Bundle(paths, rules)
    uses = _by_path(reading.uses)
    found = {path: place for path, own in uses.items() if (place := _found(bundle, own))}
    outside = {path: bundle.elsewhere(own[0]) for path, own in uses.items() if path not in found}
    elsewhere = {path: place for path, place in outside.items() if place is not None}
    missing = {path: uses[path] for path in outside if path not in elsewhere}
    return {
        "scene_info": dict(reading.scene_info),
        "asset": list(uses),
        "missing": [{f"file{place}": path} for place, path in enumerate(missing, 1)],
        "used_by": {path: _names(own) for path, own in missing.items()},
        "found": found,
        "elsewhere": elsewhere,
        **_help(bundle, missing),
    }


def _by_path(uses: Iterable[Use]) -> dict[str, list[Use]]:
    found: dict[str, list[Use]] = {}
    for use in uses:
        found.setdefault(use.path, []).append(use)
    return found


def _found(bundle: Bundle, uses: Sequence[Use]) -> str | None:
    """Return where a path stands; None when one of those who use it would not find it."""
    places = [bundle.found(use) for use in uses]
    return None if None in places else places[0]


def _help(bundle: Bundle, missing: Mapping[str, Sequence[Use]]) -> dict[str, object]:
    near = {
        path: found
        for count, (path, uses) in enumerate(missing.items())
        if (found := bundle.near(uses[0], spelling=count < _SPELLED))
    }
    hints = {path: bundle.hint(missing[path][0], found) for path, found in near.items()}
    return {
        "near": near,
        "hints": {path: hint for path, hint in hints.items() if hint is not None},
    }


def _names(uses: Iterable[Use]) -> list[str]:
    return list(dict.fromkeys(f"{use.referrer}: {use.name}" for use in uses))

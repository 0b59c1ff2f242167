"""The answer in the shape that seed 004 gave it."""

from collections.abc import Iterable

from lightmill.analyzer.core.presence import Bundle
from lightmill.analyzer.core.reading import SceneReading, Use


def outcome(reading: SceneReading, paths: Iterable[str]) -> dict[str, object]:
    """Return `{"scene_info", "asset", "missing"}`, and beside them what helps to find files.

    `asset` lists every path as written in the scene, `missing` those that a node would not find,
    as `{"file1": path}, {"file2": path}` and so on. `used_by` tells for each missing path which
    data-blocks use it, `hints` how some of them would be found.

    Args:
        reading: What the scene says.
        paths: The files of the bundle.
    """
    bundle = Bundle(paths)
    missing: dict[str, list[Use]] = {}
    for use in reading.uses:
        if not bundle.holds(use):
            missing.setdefault(use.path, []).append(use)
    hints = {path: bundle.hint(uses[0]) for path, uses in missing.items()}
    return {
        "scene_info": dict(reading.scene_info),
        "asset": list(dict.fromkeys(use.path for use in reading.uses)),
        "missing": [{f"file{place}": path} for place, path in enumerate(missing, 1)],
        "used_by": {path: _names(uses) for path, uses in missing.items()},
        "hints": {path: hint for path, hint in hints.items() if hint is not None},
    }


def _names(uses: list[Use]) -> list[str]:
    return list(dict.fromkeys(f"{use.referrer}: {use.name}" for use in uses))

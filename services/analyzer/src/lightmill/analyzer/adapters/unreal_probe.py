"""Prints what an Unreal project says, as one JSON object: `unreal_probe.py <folder> <file> …`."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from lightmill.analyzer.adapters.probing import run
from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.reading import Use
from lightmill.analyzer.core.unreal import project, settings, uses

ENGINE_INI = "Config/DefaultEngine.ini"
_LONGEST = 2**24


def read(folder: Path, scene: str) -> tuple[Mapping[str, object], Iterable[Use]]:
    """Return the project's settings and what has to lie in its folder.

    Raises:
        BrokenSceneError: it is no project, or damaged.
    """
    path = folder / scene
    found = project(_content(path))
    ini = path.parent / ENGINE_INI
    text = _content(ini).decode("utf-8", "replace") if ini.is_file() else ""
    return settings(found, text), list(uses(found, text, scene))


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise BrokenSceneError(f"has more than {_LONGEST} bytes")
    return content


if __name__ == "__main__":
    run(read)

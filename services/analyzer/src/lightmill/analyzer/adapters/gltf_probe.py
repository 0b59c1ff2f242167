"""Prints what a glTF model holds, as one JSON object: `gltf_probe.py <folder> <model> …`."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from lightmill.analyzer.adapters.probing import run
from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.gltf.document import (
    LONGEST,
    Document,
    from_glb,
    from_json,
    with_buffer,
)
from lightmill.analyzer.core.gltf.model import settings, uses
from lightmill.analyzer.core.reading import Use

_HEAD, _CHUNK = 20, 8


def read(folder: Path, model: str) -> tuple[Mapping[str, object], Iterable[Use]]:
    """Return the model's settings and the files that it names.

    Raises:
        BrokenSceneError: it is no glTF 2, or damaged.
    """
    document = _document(folder / model)
    return settings(document), uses(document, model)


def _document(path: Path) -> Document:
    size = path.stat().st_size
    with path.open("rb") as file:
        if path.suffix.lower() == ".gltf":
            if size > LONGEST:
                raise BrokenSceneError(f"has more than {LONGEST} bytes of JSON")
            return from_json(file.read())
        start, end = from_glb(file.read(_HEAD), size)
        file.seek(start)
        return with_buffer(file.read(end - start), file.read(_CHUNK), size - end)


if __name__ == "__main__":
    run(read)

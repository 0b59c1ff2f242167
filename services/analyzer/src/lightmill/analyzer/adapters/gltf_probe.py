"""Prints what a glTF model holds, as one JSON object: `gltf_probe.py <folder> <model> …`."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from lightmill.analyzer.adapters.probing import run
from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.gltf.contents import Contents
from lightmill.analyzer.core.gltf.document import (
    LONGEST,
    Document,
    Item,
    data_of,
    from_glb,
    from_json,
    with_buffer,
)
from lightmill.analyzer.core.gltf.model import require_sound, settings, use_of, uses
from lightmill.analyzer.core.gltf.shape import require_shape
from lightmill.analyzer.core.reading import Use

_HEAD, _CHUNK = 20, 8


def read(folder: Path, model: str) -> tuple[Mapping[str, object], Iterable[Use]]:
    """Return the model's settings and the files that it names.

    Raises:
        BrokenSceneError: it is no glTF 2, or damaged: no validator would take it.
    """
    document, own = _document(folder / model)
    require_shape(document)
    require_sound(document)
    buffers = [_buffer(folder, model, item, own) for item in document.items("buffers")]
    for index, (item, content) in enumerate(zip(document.items("buffers"), buffers, strict=True)):
        if content is not None and len(content) < item["byteLength"]:
            raise BrokenSceneError(f"is damaged: buffers[{index}] is shorter than it says")
    Contents(document, buffers).require_sound()
    return settings(document), uses(document, model)


def _document(path: Path) -> tuple[Document, bytes | None]:
    """Return the document, and what a GLB carries in itself."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if path.suffix.lower() == ".gltf":
            if size > LONGEST:
                raise BrokenSceneError(f"has more than {LONGEST} bytes of JSON")
            return from_json(file.read()), None
        start, end = from_glb(file.read(_HEAD), size)
        file.seek(start)
        content, head = file.read(end - start), file.read(_CHUNK)
        document = with_buffer(content, head, size - end)
        return document, file.read(document.embedded or 0)


def _buffer(folder: Path, model: str, item: Item, own: bytes | None) -> bytes | None:
    """Return what a buffer holds; None when it was not sent."""
    uri = item.get("uri")
    if uri is None:
        return own
    if uri.startswith("data:"):
        return data_of(uri)
    for place in use_of(uri, model, "").places or ():
        path = folder / place
        if path.is_file() and not path.is_symlink():
            return path.read_bytes()
    return None


if __name__ == "__main__":
    run(read)

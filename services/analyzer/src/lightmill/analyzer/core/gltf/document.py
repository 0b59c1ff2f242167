"""A glTF document: its lists, each checked to be what the format says."""

import base64
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from lightmill.analyzer.core.broken import BrokenSceneError

LONGEST = 2**28
_MAGIC, _JSON, _BIN = b"glTF", 0x4E4F534A, 0x004E4942
_HEAD, _CHUNK = struct.Struct("<4sII"), struct.Struct("<II")

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """What stands in the JSON, and how many bytes of a GLB's own buffer come with it."""

    root: Item
    embedded: int | None = None

    def items(self, name: str) -> Sequence[Item]:
        """Return one of the document's lists of objects.

        Raises:
            BrokenSceneError: it is none.
        """
        found = self.root.get(name, [])
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise BrokenSceneError(f"is damaged: {name} is no list of objects")
        return found

    def item(self, name: str, index: object) -> Item:
        """Return one object of a list.

        Raises:
            BrokenSceneError: there is none of that number.
        """
        found = self.items(name)
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(found):
            raise BrokenSceneError(f"is damaged: it has no {name}[{_shown(index)}]")
        return found[index]


def from_json(content: bytes) -> Document:
    """Return the document in a `.gltf`.

    Raises:
        BrokenSceneError: it is no glTF 2.
    """
    return Document(_root(content))


def from_glb(head: bytes, size: int) -> tuple[int, int]:
    """Return where the JSON of a `.glb` begins and ends.

    Args:
        head: The first 20 bytes.
        size: Bytes of the file.

    Raises:
        BrokenSceneError: it is no GLB, or is cut off.
    """
    if len(head) < _HEAD.size + _CHUNK.size:
        raise BrokenSceneError("is no GLB: it is too short")
    magic, version, length = _HEAD.unpack_from(head)
    long, kind = _CHUNK.unpack_from(head, _HEAD.size)
    if magic != _MAGIC or kind != _JSON:
        raise BrokenSceneError("is no GLB: it begins with something else")
    if version != 2:  # noqa: PLR2004  # the only one there is
        raise BrokenSceneError(f"is glTF {version}; this farm reads glTF 2")
    start = _HEAD.size + _CHUNK.size
    if length != size or start + long > size:
        raise BrokenSceneError(f"is cut off: it has {size} bytes and says {length}")
    if long > LONGEST:
        raise BrokenSceneError(f"has more than {LONGEST} bytes of JSON")
    return start, start + long


def with_buffer(content: bytes, rest: bytes, left: int) -> Document:
    """Return the document of a `.glb`.

    Args:
        content: Its JSON.
        rest: The first bytes behind that, where the chunk of the buffer begins.
        left: How many bytes are behind the JSON.

    Raises:
        BrokenSceneError: it is no glTF 2, or the buffer is cut off.
    """
    if left < _CHUNK.size:
        return Document(_root(content))
    long, kind = _CHUNK.unpack_from(rest)
    if long > left - _CHUNK.size:
        raise BrokenSceneError("is cut off in its buffer")
    return Document(_root(content), long if kind == _BIN else None)


def data_of(uri: str) -> bytes:
    """Return what a `data:` URI holds.

    Raises:
        BrokenSceneError: it is none that can be read.
    """
    head, comma, body = uri.partition(",")
    if not comma or not head.endswith(";base64"):
        raise BrokenSceneError("is damaged: a data URI is not in base64")
    try:
        return base64.b64decode(unquote(body), validate=True)
    except ValueError as error:
        raise BrokenSceneError(f"is damaged: a data URI cannot be read: {error}") from error


def _root(content: bytes) -> Item:
    if len(content) > LONGEST:
        raise BrokenSceneError(f"has more than {LONGEST} bytes of JSON")
    try:
        root = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BrokenSceneError("is no glTF: it holds no JSON") from error
    asset = root.get("asset") if isinstance(root, dict) else None
    version = asset.get("version") if isinstance(asset, dict) else None
    if not isinstance(version, str) or not version.startswith("2."):
        raise BrokenSceneError("is no glTF 2: asset.version says something else")
    found: Item = root
    return found


def _shown(index: object) -> str:
    return str(index)[:20]

"""glTF models, written by hand after the specification."""

import copy
import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.gltf.document import from_glb, from_json, with_buffer
from lightmill.analyzer.core.gltf.model import settings, uses
from lightmill.analyzer.core.presence import Bundle

CHAIR: dict[str, Any] = {
    "asset": {"version": "2.0", "generator": "by hand"},
    "scene": 0,
    "scenes": [{"nodes": [0, 2]}],
    "nodes": [
        {"children": [1], "translation": [10, 0, 0], "scale": [2, 2, 2]},
        {"mesh": 0, "rotation": [0, 0, math.sqrt(0.5), math.sqrt(0.5)]},
        {"camera": 0, "name": "Front"},
    ],
    "cameras": [{"type": "perspective", "perspective": {"yfov": math.pi / 4, "znear": 0.1}}],
    "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "material": 0}]}],
    "materials": [{"name": "Oak"}, {}],
    "accessors": [
        {
            "bufferView": 0,
            "componentType": 5126,
            "count": 3,
            "type": "VEC3",
            "min": [0, 0, 0],
            "max": [1, 2, 0],
        },
        {"bufferView": 1, "componentType": 5123, "count": 3, "type": "SCALAR"},
    ],
    "bufferViews": [
        {"buffer": 0, "byteLength": 36},
        {"buffer": 0, "byteOffset": 36, "byteLength": 6},
    ],
    "buffers": [{"uri": "chair%20data.bin", "byteLength": 42}],
    "images": [
        {"uri": "../textures/wood.png", "name": "wood"},
        {"uri": "data:image/png;base64,AAAA"},
        {"uri": "../../outside.png"},
        {"uri": "https://example.org/a.png"},
        {"bufferView": 0, "mimeType": "image/png"},
    ],
}


def model(changed: dict[str, Any] = CHAIR) -> bytes:
    return json.dumps(changed).encode()


def test_what_a_model_is() -> None:
    found = settings(from_json(model()))
    assert found["cameras"] == [{"name": "Front", "fov": pytest.approx(45)}]
    assert (found["triangles"], found["meshes"]) == (1, 1)
    assert (found["materials"], found["generator"]) == (["Oak", "1"], "by hand")


def test_bounds_are_those_of_the_world() -> None:
    """A quarter turn about Z, twice as large, ten to the right."""
    box = settings(from_json(model()))["bounds"]
    assert box == {"min": pytest.approx([6, 0, 0]), "max": pytest.approx([10, 2, 0])}


def test_files_are_looked_for_beside_the_model() -> None:
    bundle = Bundle(["m/chair.gltf", "m/chair data.bin", "textures/wood.png", "outside.png"])
    found = {use.path: bundle.found(use) for use in uses(from_json(model()), "m/chair.gltf")}
    assert found == {
        "chair data.bin": "m/chair data.bin",
        "../textures/wood.png": "textures/wood.png",
        "../../outside.png": None,
        "https://example.org/a.png": None,
    }


def glb(content: bytes, buffer: bytes, *, length: int | None = None) -> bytes:
    content += b" " * (-len(content) % 4)
    body = struct.pack("<II", len(content), 0x4E4F534A) + content
    body += struct.pack("<II", len(buffer), 0x004E4942) + buffer
    return struct.pack("<4sII", b"glTF", 2, length or len(body) + 12) + body


def read_glb(content: bytes) -> dict[str, object]:
    start, end = from_glb(content[:20], len(content))
    return settings(with_buffer(content[start:end], content[end : end + 8], len(content) - end))


PACKED = {**CHAIR, "buffers": [{"byteLength": 42}], "images": []}


def test_a_model_in_one_file() -> None:
    assert read_glb(glb(model(PACKED), bytes(42)))["triangles"] == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "too short"),
        (b"glTF" + bytes(30), "something else"),
        (glb(model(PACKED), bytes(42), length=7), "cut off"),
        (glb(model(PACKED), bytes(20)), "buffer is shorter"),
        (glb(model(PACKED), bytes(42))[:-4], "cut off"),
        (struct.pack("<4sIIII", b"glTF", 1, 20, 0, 0x4E4F534A), "reads glTF 2"),
        (glb(b"{}", b""), "asset.version"),
    ],
)
def test_a_file_that_is_broken_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(BrokenSceneError, match=reason):
        read_glb(content)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (["nodes", 1, "children"], [0], "circle"),
        (["nodes", 1, "mesh"], 7, r"meshes\[7\]"),
        (["nodes", 1, "mesh"], -1, r"meshes\[-1\]"),
        (["nodes", 1, "mesh"], True, r"meshes\[True\]"),
        (["nodes", 0, "translation"], ["x", 0, 0], "numbers"),
        (["nodes", 2, "camera"], 3, r"cameras\[3\]"),
        (["meshes", 0, "primitives"], 5, "primitives"),
        (["accessors", 0, "count"], 4, "ends behind its view"),
        (["accessors", 0, "count"], -4, "length is no number"),
        (["accessors", 0, "type"], "VEC9", "no known type"),
        (["accessors", 0, "componentType"], [], "no known type"),
        (["accessors", 0, "min"], None, "3 numbers are missing"),
        (["bufferViews", 1, "byteLength"], 7, "ends behind its buffer"),
        (["bufferViews", 1, "buffer"], "x", "buffers"),
        (["buffers"], {"0": 1}, "no list of objects"),
        (["scene"], 3, r"scenes\[3\]"),
        (["asset"], {"version": "1.0"}, "asset.version"),
    ],
)
def test_a_part_that_is_not_there_is_named(path: list[Any], value: object, reason: str) -> None:
    changed = copy.deepcopy(CHAIR)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(BrokenSceneError, match=reason):
        settings(from_json(model(changed)))


KEYS = sorted(
    {*CHAIR, "uri", "byteLength", "byteOffset", "buffer", "bufferView", "count", "type", "min"}
    | {"max", "primitives", "attributes", "POSITION", "indices", "children", "mesh", "camera"}
    | {
        "mode",
        "extensionsRequired",
        "yfov",
        "rotation",
        "matrix",
        "perspective",
        "componentType",
        "version",
        "name",
    }
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(KEYS), ANY), st.booleans())
def test_any_document_is_read_or_refused(found: dict[str, Any], whole: bool) -> None:  # noqa: FBT001
    changed = {**CHAIR, **found} if whole else {"asset": CHAIR["asset"], **found}
    try:
        document = from_json(model(changed))
        settings(document)
        list(uses(document, "a/b.gltf"))
    except BrokenSceneError:
        return


@pytest.mark.parametrize(
    ("name", "value"), [("mode", []), ("mode", 99), ("indices", None), ("extensionsRequired", 5)]
)
def test_what_is_odd_but_readable_is_read(name: str, value: object) -> None:
    changed = copy.deepcopy(CHAIR)
    (changed if name == "extensionsRequired" else changed["meshes"][0]["primitives"][0])[name] = (
        value
    )
    if value is None:
        del changed["meshes"][0]["primitives"][0][name]
    assert settings(from_json(model(changed)))["meshes"] == 1


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for read in (from_json, read_glb):
        with pytest.raises(BrokenSceneError):
            read(content)

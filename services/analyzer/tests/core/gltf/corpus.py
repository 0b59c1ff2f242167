"""glTF models of every kind that matters, and each of them damaged in one way."""

import base64
import copy
import json
import math
import struct
from collections.abc import Callable, Iterator
from typing import Any

Gltf = dict[str, Any]
Change = Callable[[Gltf], None]

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
FLOAT, BYTE, SHORT, INT = 5126, 5121, 5123, 5125
HALF = math.sqrt(0.5)


class Writer:
    """Puts numbers into one buffer, each list in a view of its own."""

    def __init__(self) -> None:
        self.content = b""
        self.views: list[Gltf] = []
        self.accessors: list[Gltf] = []

    def raw(self, content: bytes, **more: object) -> int:
        self.content += bytes(-len(self.content) % 4)
        view = {"buffer": 0, "byteOffset": len(self.content), "byteLength": len(content), **more}
        self.content += content
        self.views.append(view)
        return len(self.views) - 1

    def put(self, kind: str, code: int, rows: list[tuple[float, ...]], **more: object) -> int:
        letter = {FLOAT: "f", BYTE: "B", SHORT: "H", INT: "I"}[code]
        packed = b"".join(struct.pack(f"<{len(row)}{letter}", *row) for row in rows)
        view = self.raw(packed)
        low = [min(column) for column in zip(*rows, strict=True)]
        high = [max(column) for column in zip(*rows, strict=True)]
        bounds = {"min": low, "max": high}
        one = {"bufferView": view, "componentType": code, "count": len(rows), "type": kind}
        self.accessors.append({**one, **bounds, **more})
        return len(self.accessors) - 1


def model(index_code: int = SHORT) -> Gltf:
    """Return a square with everything: textures, cameras, skin, targets, animation."""
    out = Writer()
    corners = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (1.0, 1.5, 0.0), (0.0, 1.5, 0.0)]
    attributes = {
        "POSITION": out.put("VEC3", FLOAT, [*corners]),
        "NORMAL": out.put("VEC3", FLOAT, [(0.0, 0.0, 1.0)] * 4),
        "TANGENT": out.put("VEC4", FLOAT, [(1.0, 0.0, 0.0, 1.0)] * 4),
        "TEXCOORD_0": out.put("VEC2", FLOAT, [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]),
        "COLOR_0": out.put("VEC4", FLOAT, [(1.0, 0.5, 0.25, 1.0)] * 4),
        "JOINTS_0": out.put("VEC4", BYTE, [(0, 0, 0, 0)] * 4),
        "WEIGHTS_0": out.put("VEC4", FLOAT, [(1.0, 0.0, 0.0, 0.0)] * 4),
    }
    indices = out.put("SCALAR", index_code, [(n,) for n in (0, 1, 2, 0, 2, 3)])
    target = out.put("VEC3", FLOAT, [(0.0, 0.0, 0.5)] * 4)
    identity = tuple(float(n % 5 == 0) for n in range(16))
    binding = out.put("MAT4", FLOAT, [identity])
    times = out.put("SCALAR", FLOAT, [(0.0,), (1.0,)])
    turns = out.put("VEC4", FLOAT, [(0.0, 0.0, 0.0, 1.0), (0.0, 0.0, HALF, HALF)])
    picture = out.raw(PNG)
    primitive = {"attributes": attributes, "indices": indices, "material": 0}
    return {
        "asset": {"version": "2.0", "generator": "a test"},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"name": "All", "nodes": [0, 2, 3]}],
        "nodes": [
            {"children": [1], "translation": [0, 0, 1], "rotation": [0, 0, 0, 1]},
            {"mesh": 0, "skin": 0},
            {"camera": 0, "matrix": [*identity[:14], 5.0, 1.0]},
            {"name": "Bone", "children": [4]},
            {"camera": 1, "scale": [2, 2, 2]},
        ],
        "cameras": [
            {"type": "perspective", "perspective": {"yfov": 0.8, "znear": 0.1, "zfar": 50}},
            {
                "type": "orthographic",
                "orthographic": {"xmag": 1, "ymag": 1, "zfar": 10, "znear": 0},
            },
        ],
        "meshes": [
            {
                "primitives": [
                    {**primitive, "targets": [{"POSITION": target}]},
                ],
                "weights": [0.5],
            }
        ],
        "skins": [{"joints": [3], "inverseBindMatrices": binding}],
        "animations": [
            {
                "channels": [{"sampler": 0, "target": {"node": 0, "path": "rotation"}}],
                "samplers": [{"input": times, "output": turns, "interpolation": "LINEAR"}],
            }
        ],
        "materials": [
            {
                "name": "Oak",
                "pbrMetallicRoughness": {
                    "baseColorFactor": [1, 0.5, 0.5, 1],
                    "metallicFactor": 0,
                    "baseColorTexture": {"index": 0},
                },
                "normalTexture": {"index": 0, "scale": 1},
                "emissiveFactor": [0, 0, 0.5],
                "alphaMode": "MASK",
                "alphaCutoff": 0.4,
                "doubleSided": True,
            },
            {"name": "Flat", "extensions": {"KHR_materials_unlit": {}}},
        ],
        "textures": [{"source": 0, "sampler": 0}],
        "samplers": [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 10497}],
        "images": [{"bufferView": picture, "mimeType": "image/png"}],
        "accessors": out.accessors,
        "bufferViews": out.views,
        "buffers": [{"byteLength": len(out.content), "uri": data_uri(out.content)}],
    }


def data_uri(content: bytes) -> str:
    return "data:application/octet-stream;base64," + base64.b64encode(content).decode()


def glb(document: Gltf) -> bytes:
    """Return the document as a GLB with the buffer in it."""
    inner = copy.deepcopy(document)
    content = base64.b64decode(inner["buffers"][0].pop("uri").partition(",")[2])
    text = json.dumps(inner).encode()
    text += b" " * (-len(text) % 4)
    content += bytes(-len(content) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    chunks += struct.pack("<II", len(content), 0x004E4942) + content
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def triangle(**more: object) -> Gltf:
    """Return the least that can be seen."""
    out = Writer()
    corners = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)]
    place = out.put("VEC3", FLOAT, [*corners])
    return {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "scene": 0,
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": place}, **more}]}],
        "accessors": out.accessors,
        "bufferViews": out.views,
        "buffers": [{"byteLength": len(out.content), "uri": data_uri(out.content)}],
    }


def sound() -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of models that nothing is wrong with."""
    for name, code in (("bytes", BYTE), ("shorts", SHORT), ("integers", INT)):
        document = model(code)
        yield f"all-{name}.gltf", json.dumps(document).encode()
        yield f"all-{name}.glb", glb(document)
    yield "least.gltf", json.dumps(triangle()).encode()
    yield "strip.glb", glb(triangle(mode=5))
    yield "fan.glb", glb(triangle(mode=6))
    extra = triangle()
    extra["extras"] = {"anything": [1, {"extensions": {"NOT_ONE": 1}}]}
    yield "extras.gltf", json.dumps(extra).encode()


def _set(path: str, value: object) -> Change:
    def change(document: Gltf) -> None:
        *way, last = [int(one) if one.isdigit() else one for one in path.split("/")]
        at: Any = document
        for one in way:
            at = at[one]
        at[last] = value

    return change


def _drop(path: str) -> Change:
    def change(document: Gltf) -> None:
        *way, last = [int(one) if one.isdigit() else one for one in path.split("/")]
        at: Any = document
        for one in way:
            at = at[one]
        del at[last]

    return change


def _poke(accessor: int, place: int, packed: bytes) -> Change:
    """Write other bytes into the buffer, so far behind an accessor's beginning."""

    def change(document: Gltf) -> None:
        view = document["bufferViews"][document["accessors"][accessor]["bufferView"]]
        content = bytearray(base64.b64decode(document["buffers"][0]["uri"].partition(",")[2]))
        start = view["byteOffset"] + place
        content[start : start + len(packed)] = packed
        document["buffers"][0]["uri"] = data_uri(bytes(content))

    return change


NAN, BIG = struct.pack("<f", math.nan), struct.pack("<f", 7.0)
DAMAGES: dict[str, Change] = {
    "no asset": _drop("asset"),
    "version 1": _set("asset/version", "1.0"),
    "version in words": _set("asset/version", "2.x"),
    "no such scene": _set("scene", 7),
    "scene below zero": _set("scene", -1),
    "scene of a child": _set("scenes/0/nodes", [1]),
    "scene twice": _set("scenes/0/nodes", [0, 0]),
    "scene of nothing": _set("scenes/0/nodes", []),
    "no nodes at all": _set("nodes", []),
    "node in a circle": _set("nodes/4/children", [3]),
    "node in two places": _set("nodes/2/children", [1]),
    "node of no mesh": _set("nodes/1/mesh", 4),
    "node moved twice": _set("nodes/2/translation", [1, 0, 0]),
    "node skewed": _set("nodes/2/matrix", [1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]),
    "node turned too far": _set("nodes/0/rotation", [0, 0, 0, 2]),
    "node not turned by a unit": _set("nodes/0/rotation", [0.5, 0, 0, 0.5]),
    "node moved by text": _set("nodes/0/translation", ["a", 0, 0]),
    "node scaled by two": _set("nodes/4/scale", [1, 2]),
    "skin without mesh": _set("nodes/0/skin", 0),
    "camera of no type": _drop("cameras/0/type"),
    "camera of another type": _set("cameras/0/type", "orthographic"),
    "camera that sees nothing": _set("cameras/0/perspective/yfov", 0),
    "camera that ends before": _set("cameras/0/perspective/zfar", 0.01),
    "camera of no near": _drop("cameras/0/perspective/znear"),
    "flat camera that ends": _set("cameras/1/orthographic/zfar", 0),
    "mesh of nothing": _set("meshes/0/primitives", []),
    "primitive of nothing": _set("meshes/0/primitives/0/attributes", {}),
    "primitive of mode 9": _set("meshes/0/primitives/0/mode", 9),
    "no such material": _set("meshes/0/primitives/0/material", 12),
    "no such indices": _set("meshes/0/primitives/0/indices", 99),
    "attribute of no name": _set("meshes/0/primitives/0/attributes/PLACE", 0),
    "texture coordinates with a gap": _set("meshes/0/primitives/0/attributes/TEXCOORD_2", 3),
    "joints without weights": _drop("meshes/0/primitives/0/attributes/WEIGHTS_0"),
    "places of two numbers": _set("meshes/0/primitives/0/attributes/POSITION", 3),
    "normals of four": _set("meshes/0/primitives/0/attributes/NORMAL", 2),
    "attributes of two lengths": _set("accessors/1/count", 3),
    "indices of floats": _set("meshes/0/primitives/0/indices", 12),
    "no component type": _drop("accessors/0/componentType"),
    "component type 5127": _set("accessors/0/componentType", 5127),
    "count of none": _set("accessors/0/count", 0),
    "count of text": _set("accessors/0/count", "4"),
    "count of half": _set("accessors/0/count", 4.5),
    "type of five": _set("accessors/0/type", "VEC5"),
    "no bounds": _drop("accessors/0/min"),
    "bounds of two": _set("accessors/0/min", [0, 0]),
    "bounds that are not": _set("accessors/0/max", [2, 2, 2]),
    "behind its view": _set("accessors/0/count", 5),
    "not at a multiple": _set("accessors/0/byteOffset", 2),
    "no such view": _set("accessors/0/bufferView", 77),
    "view of no buffer": _set("bufferViews/0/buffer", 1),
    "view behind its buffer": _set("bufferViews/0/byteLength", 10**6),
    "view of nothing": _set("bufferViews/0/byteLength", 0),
    "view not at a multiple": _set("bufferViews/0/byteOffset", 1),
    "stride of 6": _set("bufferViews/0/byteStride", 6),
    "stride of 256": _set("bufferViews/0/byteStride", 256),
    "target of its own": _set("bufferViews/0/target", 1),
    "indices for vertices": _set("bufferViews/7/target", 34962),
    "buffer of no length": _drop("buffers/0/byteLength"),
    "buffer too short": _set("buffers/0/byteLength", 10**5),
    "buffer of no data": _set("buffers/0/uri", "data:application/octet-stream;base64,!!"),
    "image of two sources": _set("images/0/uri", "a.png"),
    "image of no source": _drop("images/0/bufferView"),
    "image of no type": _drop("images/0/mimeType"),
    "image of a strange type": _set("images/0/mimeType", "image/gif"),
    "texture of no image": _set("textures/0/source", 3),
    "texture of no sampler": _set("textures/0/sampler", 3),
    "filter of no kind": _set("samplers/0/magFilter", 1),
    "wrap of no kind": _set("samplers/0/wrapS", 1),
    "colour of three": _set("materials/0/pbrMetallicRoughness/baseColorFactor", [1, 1, 1]),
    "colour too bright": _set("materials/0/pbrMetallicRoughness/baseColorFactor", [2, 1, 1, 1]),
    "metal of two": _set("materials/0/pbrMetallicRoughness/metallicFactor", 2),
    "texture of no index": _set("materials/0/normalTexture", {}),
    "alpha of no kind": _set("materials/0/alphaMode", "GLASS"),
    "sides in words": _set("materials/0/doubleSided", "yes"),
    "extension undeclared": _drop("extensionsUsed"),
    "extension required, not used": _set("extensionsRequired", ["KHR_lights_punctual"]),
    "skin of no joints": _set("skins/0/joints", []),
    "skin of no such joint": _set("skins/0/joints", [44]),
    "skin of other matrices": _set("skins/0/inverseBindMatrices", 0),
    "animation of nothing": _set("animations/0/channels", []),
    "animation of no sampler": _set("animations/0/channels/0/sampler", 5),
    "animation of no such path": _set("animations/0/channels/0/target/path", "colour"),
    "animation of no such times": _set("animations/0/samplers/0/input", 0),
    "animation between no kinds": _set("animations/0/samplers/0/interpolation", "SLOW"),
    "animation of other values": _set("animations/0/samplers/0/output", 0),
    "vertex at no number": _poke(0, 0, NAN),
    "vertex outside its bounds": _poke(0, 0, BIG),
    "normal of length seven": _poke(1, 8, BIG),
    "tangent of no hand": _poke(2, 12, BIG),
    "index of no vertex": _poke(7, 0, struct.pack("<H", 40)),
    "turn of no unit": _poke(11, 12, BIG),
    "times that go back": _poke(10, 0, BIG),
}


def damaged() -> Iterator[tuple[str, bytes]]:
    """Yield models each of which is damaged in one way, and GLBs that are cut off."""
    for number, change in enumerate(DAMAGES.values()):
        document = model()
        change(document)
        yield f"damaged-{number:03}.gltf", json.dumps(document).encode()
    whole = glb(model())
    for number, end in enumerate((0, 11, 20, 400, len(whole) // 2, len(whole) - 4)):
        yield f"cut-{number}.glb", whole[:end]
    yield "of-another-kind.glb", b"glTX" + whole[4:]
    yield "no-json.gltf", b"{" * 40

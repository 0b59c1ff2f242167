"""Whether each object of a glTF document has the fields, kinds and ranges of the specification.

The table follows the glTF 2.0 specification, chapters 3 and 5; what it allows beside is left.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.gltf.document import Document, Item

Check = Callable[[object, str, Document], None]

COMPONENTS = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
LISTS = (
    *("accessors", "animations", "buffers", "bufferViews", "cameras", "images", "materials"),
    *("meshes", "nodes", "samplers", "scenes", "skins", "textures"),
)
READABLE = re.compile(
    r"KHR_materials_\w+|KHR_texture_transform|KHR_lights_punctual|KHR_mesh_quantization"
    r"|KHR_draco_mesh_compression|KHR_animation_pointer|EXT_mesh_gpu_instancing|EXT_texture_webp"
)
"""The extensions without which Blender reads a model all the same, or that it knows."""


def require_shape(document: Document) -> None:
    """Return when every object is as the specification has it.

    Raises:
        BrokenSceneError: one is not; it is named.
    """
    root = document.root
    _fields(_ROOT, **_ROOT_MORE)(root, "", document)
    for name in LISTS:
        if name in root and not document.items(name):
            raise _broken(name, "is empty")
        for index, item in enumerate(document.items(name)):
            _TABLE[name](item, f"{name}[{index}]", document)
    _require_extensions(root)


def _require_extensions(root: Item) -> None:
    used = set(root.get("extensionsUsed", ()))
    for name in root.get("extensionsRequired", ()):
        if name not in used:
            raise _broken("extensionsRequired", f"{name} is not in extensionsUsed")
        if not READABLE.fullmatch(name):
            raise BrokenSceneError(f"needs the extension {name}, which Blender does not read")
    for name, where in _extensions(root, ""):
        if name not in used:
            raise _broken(where, f"the extension {name} is not in extensionsUsed")


def _extensions(item: object, where: str) -> Iterator[tuple[str, str]]:
    waiting = [(item, where)]
    while waiting:
        one, place = waiting.pop()
        if isinstance(one, Mapping):
            found = one.get("extensions")
            if isinstance(found, Mapping):
                yield from ((str(name), place) for name in found)
            waiting += [(value, f"{place}/{key}") for key, value in one.items() if key != "extras"]
        elif isinstance(one, list):
            waiting += [(value, place) for value in one if isinstance(value, (list, dict))]


def _broken(where: str, why: str) -> BrokenSceneError:
    return BrokenSceneError(f"is damaged: {where or 'the document'} {why}")


def _integer(low: int, high: float = math.inf) -> Check:
    def check(value: object, where: str, _: Document) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise _broken(where, f"is no whole number from {low} to {high}")

    return check


def _number(low: float = -math.inf, high: float = math.inf, *, above: bool = False) -> Check:
    def check(value: object, where: str, _: Document) -> None:
        good = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not good or not low <= value <= high or (above and value == low):  # type: ignore[operator]  # a number
            raise _broken(where, f"is no number from {low} to {high}")

    return check


def _one_of(*known: object) -> Check:
    def check(value: object, where: str, _: Document) -> None:
        if isinstance(value, (bool, list, dict)) or value not in known:
            raise _broken(where, f"is none of {', '.join(map(str, known))}")

    return check


def _kind(kind: type, word: str) -> Check:
    def check(value: object, where: str, _: Document) -> None:
        if not isinstance(value, kind):
            raise _broken(where, f"is no {word}")

    return check


_TEXT, _OBJECT = _kind(str, "text"), _kind(dict, "object")
_FLAG = _kind(bool, "true or false")
_ROOT: dict[str, Check] = {}


def _index(name: str) -> Check:
    def check(value: object, where: str, document: Document) -> None:
        count = len(document.items(name))
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < count:
            raise _broken(where, f"refers to {name}[{str(value)[:20]}], which is not there")

    return check


def _array(each: Check, low: int = 1, high: float = math.inf, *, unique: bool = False) -> Check:
    def check(value: object, where: str, document: Document) -> None:
        if not isinstance(value, list) or not low <= len(value) <= high:
            raise _broken(where, f"is no list of {low} to {high}")
        for place, one in enumerate(value):
            each(one, f"{where}[{place}]", document)
        if unique and len(set(map(str, value))) != len(value):
            raise _broken(where, "names one of them twice")

    return check


def _fields(required: Mapping[str, Check], **optional: Check) -> Check:
    """Return a check of an object; its name is text where it has one."""
    optional.setdefault("name", _TEXT)
    optional.setdefault("extensions", _OBJECT)

    def check(value: object, where: str, document: Document) -> None:
        if not isinstance(value, dict):
            raise _broken(where, "is no object")
        for name in required:
            if name not in value:
                raise _broken(where, f"has no {name}")
        for name, one in (*required.items(), *optional.items()):
            if name in value:
                one(value[name], f"{where}.{name}".lstrip("."), document)

    return check


def _numbers(count: int, low: float = -math.inf, high: float = math.inf) -> Check:
    return _array(_number(low, high), count, count)


def _also(*checks: Check) -> Check:
    def check(value: object, where: str, document: Document) -> None:
        for one in checks:
            one(value, where, document)

    return check


def _rule(condition: Callable[[Item], bool], why: str) -> Check:
    def check(value: object, where: str, _: Document) -> None:
        if isinstance(value, dict) and not condition(value):
            raise _broken(where, why)

    return check


def _is_version(value: object, where: str, _: Document) -> None:
    if not isinstance(value, str) or not re.fullmatch(r"\d+\.\d+", value):
        raise _broken(where, "is no version")


def _is_unit(value: object, where: str, _: Document) -> None:
    if isinstance(value, list) and abs(math.hypot(*value) - 1) > 5e-3:  # noqa: PLR2004  # loose
        raise _broken(where, "is no unit quaternion")


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _is_transform(value: object, where: str, _: Document) -> None:
    if not isinstance(value, list):
        return
    columns: Sequence[Sequence[float]] = [value[place : place + 3] for place in (0, 4, 8)]
    sizes = [math.hypot(*column) for column in columns]
    pairs = ((0, 1), (0, 2), (1, 2))
    skewed = any(abs(_dot(columns[a], columns[b])) > 1e-4 * sizes[a] * sizes[b] for a, b in pairs)
    if skewed or 0.0 in sizes or [value[3], value[7], value[11], value[15]] != [0, 0, 0, 1]:
        raise _broken(where, "is no move, turn and scale")


def _infos(**more: Check) -> Check:
    return _fields({"index": _index("textures")}, texCoord=_integer(0), **more)


_PBR = _fields(
    {},
    baseColorFactor=_numbers(4, 0, 1),
    metallicFactor=_number(0, 1),
    roughnessFactor=_number(0, 1),
    baseColorTexture=_infos(),
    metallicRoughnessTexture=_infos(),
)
_SPARSE = _fields(
    {
        "count": _integer(1),
        "indices": _fields(
            {"bufferView": _index("bufferViews"), "componentType": _one_of(5121, 5123, 5125)},
            byteOffset=_integer(0),
        ),
        "values": _fields({"bufferView": _index("bufferViews")}, byteOffset=_integer(0)),
    }
)
_PERSPECTIVE = _also(
    _fields(
        {"yfov": _number(0, above=True), "znear": _number(0, above=True)},
        zfar=_number(0, above=True),
        aspectRatio=_number(0, above=True),
    ),
    _rule(lambda c: c.get("zfar", math.inf) > c["znear"], "ends before it begins"),
)
_ORTHOGRAPHIC = _also(
    _fields(
        {
            "xmag": _number(),
            "ymag": _number(),
            "zfar": _number(0, above=True),
            "znear": _number(0),
        }
    ),
    _rule(lambda c: c["zfar"] > c["znear"], "ends before it begins"),
    _rule(lambda c: bool(c["xmag"] and c["ymag"]), "has no size"),
)
_ATTRIBUTES = r"POSITION|NORMAL|TANGENT|(TEXCOORD|COLOR|JOINTS|WEIGHTS)_(0|[1-9]\d*)|_[A-Z0-9_]+"


def _is_attributes(value: object, where: str, document: Document) -> None:
    if not isinstance(value, dict) or not value:
        raise _broken(where, "names no attribute")
    for name, one in value.items():
        if not re.fullmatch(_ATTRIBUTES, name):
            raise _broken(where, f"names {name[:40]}, which is no attribute")
        _index("accessors")(one, f"{where}.{name}", document)


_PRIMITIVE = _fields(
    {"attributes": _is_attributes},
    indices=_index("accessors"),
    material=_index("materials"),
    mode=_integer(0, 6),
    targets=_array(_is_attributes),
)
_SAMPLING = _fields(
    {"input": _index("accessors"), "output": _index("accessors")},
    interpolation=_one_of("LINEAR", "STEP", "CUBICSPLINE"),
)
_TARGET = _fields(
    {"path": _one_of("translation", "rotation", "scale", "weights", "pointer")},
    node=_index("nodes"),
)


def _is_animation(value: object, where: str, document: Document) -> None:
    samplers = value.get("samplers") if isinstance(value, dict) else None
    count = len(samplers) if isinstance(samplers, list) else 0
    channel = _fields({"sampler": _integer(0, count - 1), "target": _TARGET})
    _fields({"samplers": _array(_SAMPLING), "channels": _array(channel)})(value, where, document)


_WRAPS = _one_of(33071, 33648, 10497)
_TRS = ("translation", "rotation", "scale")
_TABLE: dict[str, Check] = {
    "accessors": _also(
        _fields(
            {
                "componentType": _one_of(*COMPONENTS),
                "count": _integer(1),
                "type": _one_of("SCALAR", "VEC2", "VEC3", "VEC4", "MAT2", "MAT3", "MAT4"),
            },
            bufferView=_index("bufferViews"),
            byteOffset=_integer(0),
            normalized=_FLAG,
            min=_array(_number(), 1, 16),
            max=_array(_number(), 1, 16),
            sparse=_SPARSE,
        ),
        _rule(
            lambda a: not a.get("normalized") or a["componentType"] not in {5125, 5126},
            "is normalized, though it is of floats or 32-bit numbers",
        ),
        _rule(lambda a: "byteOffset" not in a or "bufferView" in a, "begins in no bufferView"),
    ),
    "animations": _is_animation,
    "buffers": _fields({"byteLength": _integer(1)}, uri=_TEXT),
    "bufferViews": _also(
        _fields(
            {"buffer": _index("buffers"), "byteLength": _integer(1)},
            byteOffset=_integer(0),
            byteStride=_integer(4, 252),
            target=_one_of(34962, 34963),
        ),
        _rule(
            lambda v: v.get("byteStride", 4) % 4 == 0, "has a byteStride that 4 does not divide"
        ),
        _rule(
            lambda v: "byteStride" not in v or v.get("target") != 34963,  # noqa: PLR2004  # indices
            "is of indices, and has a byteStride",
        ),
    ),
    "cameras": _also(
        _fields(
            {"type": _one_of("perspective", "orthographic")},
            perspective=_PERSPECTIVE,
            orthographic=_ORTHOGRAPHIC,
        ),
        _rule(lambda c: c["type"] in c, "does not say what its type says"),
        _rule(lambda c: not {"perspective", "orthographic"} <= c.keys(), "is of two types"),
    ),
    "images": _also(
        _fields(
            {},
            uri=_TEXT,
            bufferView=_index("bufferViews"),
            mimeType=_one_of("image/png", "image/jpeg", "image/webp"),
        ),
        _rule(lambda i: ("uri" in i) != ("bufferView" in i), "needs either a uri or a bufferView"),
        _rule(lambda i: "bufferView" not in i or "mimeType" in i, "has no mimeType"),
    ),
    "materials": _fields(
        {},
        pbrMetallicRoughness=_PBR,
        normalTexture=_infos(scale=_number()),
        occlusionTexture=_infos(strength=_number(0, 1)),
        emissiveTexture=_infos(),
        emissiveFactor=_numbers(3, 0, 1),
        alphaMode=_one_of("OPAQUE", "MASK", "BLEND"),
        alphaCutoff=_number(0),
        doubleSided=_FLAG,
    ),
    "meshes": _fields({"primitives": _array(_PRIMITIVE)}, weights=_array(_number())),
    "nodes": _also(
        _fields(
            {},
            camera=_index("cameras"),
            children=_array(_index("nodes"), unique=True),
            skin=_index("skins"),
            matrix=_also(_numbers(16), _is_transform),
            mesh=_index("meshes"),
            rotation=_also(_numbers(4, -1, 1), _is_unit),
            scale=_numbers(3),
            translation=_numbers(3),
            weights=_array(_number()),
        ),
        _rule(lambda n: "matrix" not in n or not any(k in n for k in _TRS), "is moved twice"),
        _rule(lambda n: "mesh" in n or not {"skin", "weights"} & n.keys(), "has no mesh to bend"),
    ),
    "samplers": _fields(
        {},
        magFilter=_one_of(9728, 9729),
        minFilter=_one_of(9728, 9729, 9984, 9985, 9986, 9987),
        wrapS=_WRAPS,
        wrapT=_WRAPS,
    ),
    "scenes": _fields({}, nodes=_array(_index("nodes"), unique=True)),
    "skins": _fields(
        {"joints": _array(_index("nodes"), unique=True)},
        inverseBindMatrices=_index("accessors"),
        skeleton=_index("nodes"),
    ),
    "textures": _fields({}, sampler=_index("samplers"), source=_index("images")),
}
_ROOT["asset"] = _fields(
    {"version": _is_version}, minVersion=_is_version, generator=_TEXT, copyright=_TEXT
)
_ROOT_MORE: dict[str, Check] = {
    "scene": _index("scenes"),
    "extensionsUsed": _array(_TEXT, unique=True),
    "extensionsRequired": _array(_TEXT, unique=True),
}

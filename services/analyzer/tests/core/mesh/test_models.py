"""Models of OBJ, STL, PLY and FBX, written by hand and by Blender."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.analyzer.adapters.mesh_probe import read
from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.mesh import filmbox, polygons, stereolithography, wavefront
from lightmill.testing.blender import RunBlender

CORNERS = ((0.0, 0.0, 0.0), (2.0, 0.0, 0.0), (2.0, 3.0, 0.0), (0.0, 3.0, -1.0))
BOX = {"min": [0.0, 0.0, -1.0], "max": [2.0, 3.0, 0.0]}
OBJ = b"""# a square
mtllib square.mtl
v 0 0 0
v 2 0 0
v 2 3 0
v 0 3 -1
usemtl Oak
f 1/1/1 2/2/1 3//1 \\
 -1
usemtl Oak
f 1 2 3
"""
MTL = b"""newmtl Oak
Kd 1 1 1
map_Kd -o 0.5 0.5 -clamp on textures/oak grain.png
bump ../outside.png
"""


def stl(count: int | None = None) -> bytes:
    a, b, c, d = CORNERS
    faces = [(a, b, c), (a, c, d)]
    packed = b"".join(
        struct.pack("<12fH", 0, 0, 0, *(x for corner in face for x in corner), 0) for face in faces
    )
    return bytes(80) + struct.pack("<I", len(faces) if count is None else count) + packed


def stl_text() -> bytes:
    rows = "".join(f"vertex {x} {y} {z}\n" for x, y, z in CORNERS[:3])
    return (
        f"solid a\nfacet normal 0 0 1\nouter loop\n{rows}endloop\nendfacet\nendsolid a\n".encode()
    )


def ply(order: str) -> bytes:
    head = (
        f"ply\nformat {order} 1.0\nelement vertex 4\n"
        "property float x\nproperty float y\nproperty float z\nproperty uchar red\n"
        "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    ).encode()
    if order == "ascii":
        rows = [*(f"{x} {y} {z} 255" for x, y, z in CORNERS), "4 0 1 2 3", ""]
        return head + "\n".join(rows).encode()
    sign = "<" if "little" in order else ">"
    vertices = b"".join(struct.pack(f"{sign}3fB", *corner, 255) for corner in CORNERS)
    return head + vertices + struct.pack(f"{sign}B4i", 4, 0, 1, 2, 3)


def test_an_obj_tells_its_size_its_materials_and_its_files(tmp_path: Path) -> None:
    (tmp_path / "square.obj").write_bytes(OBJ)
    (tmp_path / "square.mtl").write_bytes(MTL)
    info, uses = read(tmp_path, "square.obj")
    assert (info["bounds"], info["triangles"], info["materials"]) == (BOX, 3, ["Oak"])
    assert [(use.path, use.places) for use in uses] == [
        ("square.mtl", ("square.mtl",)),
        ("textures/oak grain.png", ("textures/oak grain.png",)),
        ("../outside.png", ()),
    ]


@pytest.mark.parametrize("order", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_a_ply_tells_its_size(order: str) -> None:
    info = polygons.read_model(ply(order))
    assert (info["bounds"], info["triangles"]) == (BOX, 2)


def test_an_stl_tells_its_size() -> None:
    info = stereolithography.read_model(stl())
    assert (info["bounds"], info["triangles"]) == (BOX, 2)
    assert stereolithography.read_model(stl_text())["triangles"] == 1


def _obj(content: bytes) -> dict[str, object]:
    return wavefront.read_model(content.splitlines()).document()


BROKEN: dict[str, tuple[Callable[[bytes], object], bytes, str]] = {
    "stl cut off": (stereolithography.read_model, stl()[:-1], "cut off"),
    "stl of another count": (stereolithography.read_model, stl(3), "cut off"),
    "stl of nothing": (stereolithography.read_model, stl(0)[:84], "no triangle"),
    "stl text cut off": (stereolithography.read_model, stl_text()[:-20], "endsolid"),
    "ply cut off": (polygons.read_model, ply("binary_little_endian")[:-3], "cut off"),
    "ply text cut off": (polygons.read_model, ply("ascii")[:-9], "cut off"),
    "ply of another kind": (polygons.read_model, b"plx" + ply("ascii"), "no PLY"),
    "ply without format": (
        polygons.read_model,
        ply("ascii").replace(b"ascii", b"zip"),
        "in its header",
    ),
    "fbx in text": (filmbox.read_model, b"; FBX 7.4.0 project file\n", "export it as binary"),
    "fbx of another kind": (filmbox.read_model, b"Kaydara", "begins with something else"),
    "obj of nothing": (_obj, b"v 0 0 0\n", "no triangle"),
    "obj with a face nowhere": (_obj, b"v 0 0 0\nf 1 2 3\n", "line 2"),
    "obj with no number": (_obj, b"v 0 zero 0\n", "line 1"),
    "obj at infinity": (_obj, b"v 0 inf 0\nv 0 0 0\nf 1 1 2\n", "nowhere"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_damaged_is_refused_with_its_reason(name: str) -> None:
    reader, content, reason = BROKEN[name]
    with pytest.raises(BrokenSceneError, match=reason):
        reader(content)


@given(st.data())
def test_damage_is_never_more_than_a_refusal(data: st.DataObject) -> None:
    reader, whole = data.draw(
        st.sampled_from(
            [
                (stereolithography.read_model, stl()),
                (stereolithography.read_model, stl_text()),
                (polygons.read_model, ply("ascii")),
                (polygons.read_model, ply("binary_big_endian")),
                (_obj, OBJ),
            ]
        )
    )
    place = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(place, len(whole)))
    try:
        reader(whole[:place] + data.draw(st.binary(max_size=8)) + whole[end:])
    except BrokenSceneError as error:
        assert str(error)  # noqa: PT017  # the other allowed outcome


MAKE_FBX = """
import sys, bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.mesh.primitive_cube_add()
bpy.context.object.data.materials.append(bpy.data.materials.new("Oak"))
bpy.ops.object.camera_add()
bpy.context.object.data.name = "Front"
bpy.ops.export_scene.fbx(filepath=sys.argv[1])
"""


@pytest.mark.blender
@pytest.mark.timeout(300)
def test_an_fbx_of_blenders_tells_all_but_its_size(
    tmp_path: Path, run_blender: RunBlender
) -> None:
    (tmp_path / "make.py").write_text(MAKE_FBX)
    run_blender(tmp_path / "make.py", str(tmp_path / "cube.fbx"))
    content = (tmp_path / "cube.fbx").read_bytes()
    info = filmbox.read_model(content)
    assert (info["triangles"], info["materials"], info["cameras"]) == (12, ["Oak"], ["Front"])
    assert info["bounds"] is None
    for end in range(30, len(content) - 200, 997):
        with pytest.raises(BrokenSceneError, match=r"cut off|damaged|nothing"):
            filmbox.read_model(content[:end])

"""Gives a running farm the design `test-design-1`, a coloured cube, unless it has one.

Runs inside an api's container on the standard library alone: `make up` hands it to Python there.
The administrator's token comes in the variable TOKEN.
"""

import base64
import json
import os
import struct
import sys
import urllib.error
import urllib.request
import uuid

API = "http://127.0.0.1:3000"
NAME = "test-design-1"
FILE = f"{NAME}.gltf"
FACES = (  # the axis that a face looks along, and the two that span it
    ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((-1, 0, 0), (0, 0, 1), (0, 1, 0)),
    ((0, 1, 0), (0, 0, 1), (1, 0, 0)),
    ((0, -1, 0), (1, 0, 0), (0, 0, 1)),
    ((0, 0, 1), (1, 0, 0), (0, 1, 0)),
    ((0, 0, -1), (0, 1, 0), (1, 0, 0)),
)
CORNERS = ((-1, -1), (1, -1), (1, 1), (-1, 1))
FLOAT, SHORT = 5126, 5123
SILENT = frozenset({404})


def cube() -> bytes:
    """Return a glTF document of a cube two units wide, its buffer inside it."""
    corners, normals, indices = [], [], []
    for number, (axis, right, up) in enumerate(FACES):
        for x, y in CORNERS:
            corners.append([axis[i] + x * right[i] + y * up[i] for i in range(3)])
            normals.append(axis)
        indices += [4 * number + corner for corner in (0, 1, 2, 0, 2, 3)]
    pieces = (
        b"".join(struct.pack("<3f", *corner) for corner in corners),
        b"".join(struct.pack("<3f", *normal) for normal in normals),
        struct.pack(f"<{len(indices)}H", *indices),
    )
    return json.dumps(document(pieces, len(corners), len(indices))).encode()


def document(pieces: tuple[bytes, ...], corners: int, indices: int) -> dict[str, object]:
    """Return the glTF around `pieces`: corners, normals and indices, in this order."""
    content = b"".join(pieces)
    starts = [sum(map(len, pieces[:number])) for number in range(len(pieces))]
    material = {"pbrMetallicRoughness": {"baseColorFactor": [0.9, 0.45, 0.1, 1]}}
    primitive = {"attributes": {"POSITION": 0, "NORMAL": 1}, "indices": 2, "material": 0}
    bounds = {"min": [-1, -1, -1], "max": [1, 1, 1]}
    return {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "cube"}],
        "meshes": [{"primitives": [primitive]}],
        "materials": [material],
        "accessors": [
            {"bufferView": 0, "componentType": FLOAT, "count": corners, "type": "VEC3", **bounds},
            {"bufferView": 1, "componentType": FLOAT, "count": corners, "type": "VEC3"},
            {"bufferView": 2, "componentType": SHORT, "count": indices, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": start, "byteLength": len(piece)}
            for start, piece in zip(starts, pieces, strict=True)
        ],
        "buffers": [
            {
                "byteLength": len(content),
                "uri": "data:application/octet-stream;base64,"
                + base64.b64encode(content).decode(),
            }
        ],
    }


def ask(
    path: str,
    body: bytes | None = None,
    kind: str = "application/json",
    method: str | None = None,
) -> object:
    """Return what the api answers, or None when there is no such thing."""
    token = os.environ["TOKEN"]  # noqa: TID251  # a script by itself has no settings module
    headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
    request = urllib.request.Request(API + path, data=body, headers=headers, method=method)  # noqa: S310  # http
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # likewise
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        if error.code in SILENT:
            return None
        sys.exit(f"{path}: {error.code} {error.read().decode()}")


def upload(content: bytes) -> int:
    """Send the file; return its asset id."""
    mark = uuid.uuid4().hex
    head = (
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{FILE}"\r\n'
        "Content-Type: model/gltf+json\r\n\r\n"
    )
    body = head.encode() + content + f"\r\n--{mark}--\r\n".encode()
    answer = ask("/api/files/upload", body, f"multipart/form-data; boundary={mark}")
    assert isinstance(answer, dict)  # noqa: S101  # the contract of seed 004
    return int(answer["asset_id"])


def main() -> None:
    """Do what the module says."""
    if ask(f"/api/v1/designs/{NAME}") is not None:
        return
    design = {
        "design_id": NAME,
        "name": "A cube to try the farm with",
        "model": FILE,
        "files": [{"path": FILE, "asset_id": upload(cube())}],
        "thumbnail": False,
    }
    ask("/api/v1/designs", json.dumps(design).encode())
    ask(f"/api/v1/designs/{NAME}/shares/*", method="PUT")  # whoever has a token may render it


main()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Prints what a .blend file holds, as one JSON object.

Run as a program of its own, `blend_probe.py <folder> <scene> <memory> <seconds> <bytes>`, never
imported: it uses Blender Asset Tracer, which is under the GPL. The file is hostile until proven
otherwise, so the limits are set before the first byte is read. Files in the folder that are
compressed are replaced by what is in them.

Prints `{"scene_info": …, "uses": […]}` or `{"error": "why the file cannot be read"}`.
"""

import gzip
import json
import os
import posixpath
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import zstandard
from blender_asset_tracer import blendfile, bpathlib
from blender_asset_tracer.blendfile import exceptions, iterators
from blender_asset_tracer.trace import asset_holding_blocks, blocks2assets, file2blocks
from typing_extensions import override

from lightmill.analyzer.adapters.limits import hold_this_process_to

MOST_USES = 100_000
PIECE = 2**20
OBJECT_IS_CAMERA = 11
IES_IN_A_FILE = 1
RENDERERS = {
    "CYCLES": "cycles",
    "BLENDER_EEVEE": "eevee",
    "BLENDER_EEVEE_NEXT": "eevee",
    "BLENDER_WORKBENCH": "workbench",
}
CYCLES_SAMPLES = 4096  # what Blender takes where the file says nothing
FORMATS = {
    0: "TARGA",
    1: "IRIS",
    4: "JPEG",
    14: "TARGA_RAW",
    15: "AVI_RAW",
    16: "AVI_JPEG",
    17: "PNG",
    20: "BMP",
    21: "HDR",
    22: "TIFF",
    23: "OPEN_EXR",
    24: "FFMPEG",
    26: "CINEON",
    27: "DPX",
    28: "OPEN_EXR_MULTILAYER",
    30: "JPEG2000",
    35: "WEBP",
}
COLOURS = {8: "BW", 24: "RGB", 32: "RGBA"}
DEPTHS = {1: 1, 2: 8, 4: 10, 8: 12, 16: 16, 32: 24, 64: 32}  # a bit for each
# What Blender 4.5 took at its peak for Cycles on CPU: an empty scene, a byte of the file's data
# (grids of 1 and 4 million faces), a pixel (16 million of them).
MEMORY_BASE, MEMORY_OF_DATA, MEMORY_OF_PIXEL = 280_000_000, 4.2, 85


class Refused(Exception):  # noqa: N818  # the words are for the person who sent the file
    """The file cannot be read; the message says why."""


# --- compression -----------------------------------------------------------------------------


class Source(Protocol):
    """What is being unpacked."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""
        ...


class Unpacker:
    """Replaces compressed files by what is in them, up to `room` bytes in all."""

    def __init__(self, room: int) -> None:
        self._room = room

    def unpack(self, path: Path) -> None:
        """Return when the file at `path` is not compressed any more."""
        with path.open("rb") as packed:
            magic = packed.read(4)
            packed.seek(0)
            if magic[:2] == b"\x1f\x8b":
                self._replace(path, gzip.GzipFile(fileobj=packed))
            elif magic == b"\x28\xb5\x2f\xfd" or magic[1:] == b"\x2a\x4d\x18":
                # Blender writes many frames into one file; a reader stops at the first by default.
                reader = zstandard.ZstdDecompressor().stream_reader(
                    packed, read_across_frames=True
                )
                self._replace(path, reader)

    def _replace(self, path: Path, source: Source) -> None:
        unpacked = path.with_name(path.name + ".unpacked")
        with unpacked.open("wb") as target:
            while piece := source.read(PIECE):
                self._room -= len(piece)
                if self._room < 0:
                    raise Refused("unpacks to more bytes than this farm reads")
                target.write(piece)
        unpacked.replace(path)


# --- references ------------------------------------------------------------------------------


class Tracer(file2blocks.BlockIterator):
    """Follows data-blocks into libraries, as far as these are in the folder.

    The original opens whatever path a scene names, wherever it is.
    """

    def __init__(self, folder: Path, unpacker: Unpacker) -> None:
        super().__init__()
        self._folder = folder
        self._unpacker = unpacker

    @override
    def open_blendfile(self, bfilepath: Path) -> Any:  # the library has no types
        """Return the open file, read uncompressed."""
        self._unpacker.unpack(bfilepath)
        return super().open_blendfile(bfilepath)

    @override
    def _visit_linked_blocks(self, blocks_per_lib: dict[bytes, set[Any]]) -> Iterator[Any]:
        inside = {}
        for library, blocks in blocks_per_lib.items():
            path = Path(os.path.normpath(os.fsdecode(library)))
            if path.is_relative_to(self._folder) and path.is_file():
                inside[bpathlib.BlendPath(path)] = blocks  # type: ignore[no-untyped-call]  # untyped library
        yield from super()._visit_linked_blocks(inside)  # type: ignore[no-untyped-call]  # likewise


def uses(folder: Path, scene: Path, unpacker: Unpacker) -> Iterator[dict[str, object]]:
    """Yield every file that the scene, or what it links, refers to."""
    tracer = Tracer(folder, unpacker)
    seen = set()
    blocks = tracer.iter_blocks(tracer.open_blendfile(scene))
    for block in asset_holding_blocks(blocks):
        for usage in blocks2assets.iter_assets(block):
            found = use(usage, folder)
            key = (found["path"], found["referrer"], found["name"])
            if key in seen or not found["path"] or is_packed(usage.block):
                continue
            seen.add(key)
            if len(seen) > MOST_USES:
                raise Refused(f"refers to more than {MOST_USES} files")
            yield found


def lamps(file: Any, scene: str) -> Iterator[dict[str, object]]:  # noqa: ANN401  # the library has no types
    """Yield the files of the scene's own IES textures, which the library does not look for."""
    kind = file.sdna_index_from_id.get(b"NodeShaderTexIES")
    paths = {
        block[b"filepath"]
        for block in file.blocks
        if block.sdna_index == kind and block.code == b"DATA" and block[b"mode"] == IES_IN_A_FILE
    }
    for path in sorted(filter(None, paths)):
        plain = text(path).replace("\\", "/")
        yield {"path": plain, "referrer": scene, "name": "IES texture", "sequence": False}


def use(usage: Any, folder: Path) -> dict[str, object]:  # noqa: ANN401  # the library has no types
    """Return one reference as it is printed."""
    referrer = Path(usage.block.bfile.filepath).relative_to(folder)
    return {
        "path": str(usage.asset_path),
        "referrer": referrer.as_posix(),
        "name": user(usage),
        "sequence": usage.is_sequence,
    }


def user(usage: Any) -> str:  # noqa: ANN401  # the library has no types
    """Return the name of what uses a file, as Blender shows it."""
    raw = usage.block_name
    if raw == b"-unnamed-":
        return str(usage.block.dna_type_name)
    # Names of data-blocks begin with the two letters of their kind.
    return text(raw[2:] if usage.block.code != b"DATA" or b".modifiers[" in raw else raw)


def is_packed(block: Any) -> bool:  # noqa: ANN401  # the library has no types
    """Tell whether an image keeps its files inside the scene, one for each tile or view."""
    if block.code != b"IM":
        return False
    return bool(block.get((b"packedfiles", b"first"), default=0))


# --- settings --------------------------------------------------------------------------------


def scene_info(file: Any) -> dict[str, object]:  # noqa: ANN401  # the library has no types
    """Return the settings of the scene that Blender would render."""
    scene = active_scene(file)
    engine = scene[b"r", b"engine"].decode()
    base = scene[b"r", b"frs_sec_base"]
    camera = scene.get_pointer(b"camera")
    return {
        "renderer": RENDERERS.get(engine, engine.lower()),
        "engine": engine,
        "start": scene[b"r", b"sfra"],
        "end": scene[b"r", b"efra"],
        "step": scene[b"r", b"frame_step"],
        "width": scene[b"r", b"xsch"],
        "height": scene[b"r", b"ysch"],
        "percentage": scene[b"r", b"size"],
        "fps": round(scene[b"r", b"frs_sec"] / base, 6) if base > 0 else 0,
        "samples": samples(scene, engine),
        "camera": None if camera is None else name(camera),
        "cameras": sorted(map(name, cameras(file))),
        **output(scene),
        "memory": memory(file, scene),
        "scene": name(scene),
        "scenes": [name(other) for other in file.find_blocks_from_code(b"SC")],
        "view_layers": list(view_layers(scene)),
        "version": version(file),
    }


def output(scene: Any) -> dict[str, object]:  # noqa: ANN401  # the library has no types
    """Return how images are written, as the scene says."""
    image = (b"r", b"im_format")
    return {
        "format": FORMATS.get(scene[*image, b"imtype"]),
        "color_mode": COLOURS.get(scene[*image, b"planes"]),
        "color_depth": DEPTHS.get(scene[*image, b"depth"]),
        "quality": scene[*image, b"quality"],
        "compression": scene[*image, b"compress"],
        "output": text(scene[b"r", b"pic"]),
        "view_transform": text(scene[b"view_settings", b"view_transform"]),
    }


def memory(file: Any, scene: Any) -> int:  # noqa: ANN401  # the library has no types
    """Return about how many bytes a render takes; textures and libraries in files come on top."""
    share = scene[b"r", b"size"] / 100
    pixels: float = scene[b"r", b"xsch"] * scene[b"r", b"ysch"] * share * share
    data: int = sum(block.size for block in file.blocks)
    return round(MEMORY_BASE + MEMORY_OF_DATA * data + MEMORY_OF_PIXEL * pixels)


def active_scene(file: Any) -> Any:  # noqa: ANN401  # the library has no types
    """Return the scene that is open when the file is."""
    scenes = file.find_blocks_from_code(b"SC")
    if not scenes:
        raise Refused("has no scene in it; it is a library")
    for settings in file.find_blocks_from_code(b"GLOB"):
        current = file.block_from_addr.get(settings[b"curscene"])
        if current is not None and current.code == b"SC":
            return current
    return scenes[0]


def cameras(file: Any) -> Iterator[Any]:  # noqa: ANN401  # the library has no types
    """Yield the objects that are cameras."""
    for thing in file.find_blocks_from_code(b"OB"):
        if thing[b"type"] == OBJECT_IS_CAMERA:
            yield thing


def view_layers(scene: Any) -> Iterator[str]:  # noqa: ANN401  # the library has no types
    """Yield the names of the scene's view layers."""
    for layer in iterators.listbase(scene.get_pointer((b"view_layers", b"first"))):
        yield text(layer[b"name"])


def samples(scene: Any, engine: str) -> int | None:  # noqa: ANN401  # the library has no types
    """Return how many samples a pixel gets, or None for an engine that is not known."""
    if engine.startswith("BLENDER_EEVEE"):
        return int(scene[b"eevee", b"taa_render_samples"])
    if engine == "CYCLES":
        cycles = prop(scene, b"cycles")
        found = None if cycles is None else prop_in(cycles, b"samples")
        return CYCLES_SAMPLES if found is None else int(found[b"data", b"val"])
    return None


def prop(block: Any, wanted: bytes) -> Any:  # noqa: ANN401  # the library has no types
    """Return a custom property of a data-block, where add-ons such as Cycles keep settings."""
    for field in (b"system_properties", b"properties"):
        group = block.get_pointer((b"id", field), default=None)
        found = None if group is None else prop_in(group, wanted)
        if found is not None:
            return found
    return None


def prop_in(group: Any, wanted: bytes) -> Any:  # noqa: ANN401  # the library has no types
    """Return a property of a group of properties, or None."""
    for item in iterators.listbase(group.get_pointer((b"data", b"group", b"first"))):
        if item[b"name"] == wanted:
            return item
    return None


def version(file: Any) -> str:  # noqa: ANN401  # the library has no types
    """Return the version of Blender that wrote the file, such as `4.5`."""
    return f"{file.header.version // 100}.{file.header.version % 100}"


def name(block: Any) -> str:  # noqa: ANN401  # the library has no types
    """Return a data-block's name as Blender shows it, without the two letters of its kind."""
    return text((block.id_name or block.get(b"name", default=b""))[2:])


def text(raw: bytes) -> str:
    """Return the text that `raw` holds, whatever its bytes are."""
    return raw.decode("utf-8", "replace")


# --- the program -----------------------------------------------------------------------------


def probe(folder: Path, scene: str, room: int) -> dict[str, object]:
    """Return what is printed."""
    path = folder / scene
    # Production files hold pointers to blocks that were not written; Blender reads these as None.
    blendfile.BlendFile.strict_pointer_mode = False
    unpacker = Unpacker(room)
    try:
        found = list(uses(folder, path, unpacker))
        file = blendfile.open_cached(path)
        return {"scene_info": scene_info(file), "uses": [*found, *lamps(file, scene)]}
    except Refused as error:
        return {"error": f"{scene} {error}"}
    except exceptions.NoDNA1Block:
        return {"error": f"{scene} is cut off or damaged: it ends before its own description"}
    except exceptions.BlendFileError as error:
        return {"error": f"{scene} is no Blender file: {error.args[0]}"}
    except MemoryError:
        return {"error": f"{scene} takes more memory to read than this farm gives"}
    except Exception as error:  # noqa: BLE001  # a damaged file breaks the library anywhere
        return {
            "error": f"{scene} is damaged, or newer than this farm knows ({type(error).__name__})"
        }


def main() -> None:
    """Read the arguments, print the outcome."""
    folder, scene, memory, seconds, size = sys.argv[1:]
    hold_this_process_to(int(memory), int(seconds), int(size))
    json.dump(probe(Path(folder).resolve(), posixpath.normpath(scene), int(size)), sys.stdout)


if __name__ == "__main__":
    main()

"""Feeds parsers of what users send with what breaks them: `parsers.py TARGET [libFuzzer options]`.

`make fuzz TARGET=zip SECONDS=60` installs atheris and runs it. A parser may refuse, with the error
that it has for that; anything else ends the run and is kept in `.tools/fuzz`, from where
`parsers.py TARGET FILE` does it again.
"""

import io
import struct
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import atheris  # type: ignore[import-untyped]  # not among the project's own packages

with atheris.instrument_imports(include=["lightmill", "zipfile", "tarfile"]):
    from lightmill.analyzer.adapters import archive_probe, gltf_probe
    from lightmill.analyzer.core.archive import ArchiveLimits
    from lightmill.analyzer.core.broken import BrokenSceneError
    from lightmill.analyzer.core.maya.scene import read
    from lightmill.analyzer.core.maya.settings import settings
    from lightmill.analyzer.core.maya.uses import uses

_LIMITS = ArchiveLimits(size=2**20, members=1000)
_MAYA = b"""//Maya ASCII 2024 scene
requires maya "2024";
file -r -ns "den" -rfn "denRN" -typ "mayaAscii" "D:/wolf//scenes/den.ma";
createNode file -n "fur" -p "a|b"; /* and so on */
    setAttr ".ftn" -type "string" "sourceimages/f\\"ur.<UDIM>.tx";
    setAttr -s 2 ".a[0:1]" 1 2;
select -ne :defaultRenderGlobals; setAttr ".fs" 5;
"""
_GLTF = b"""{"asset": {"version": "2.0"}, "scenes": [{"nodes": [0]}], "nodes": [{"name": "a"}],
"images": [{"uri": "a.png"}]}"""


def maya(content: bytes) -> None:
    """Read a Maya ASCII scene, in two pieces."""
    middle = len(content) // 2
    scene = read([content[:middle], content[middle:]])
    settings(scene, "")
    list(uses(scene, "a.ma", ""))


def gltf(content: bytes) -> None:
    """Read a glTF model, as text or as binary."""
    binary = content.startswith(b"glTF")
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / ("a.glb" if binary else "a.gltf")
        model.write_bytes(content)
        _, found = gltf_probe.read(Path(folder), model.name)
        list(found)


def archive(name: str) -> Callable[[bytes], None]:
    """Return what unpacks an archive of that name; nothing may come out beside the folder."""

    def unpack(content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            top = Path(folder) / "top"
            top.mkdir()
            (top / name).write_bytes(content)
            archive_probe.probe(top, name, _LIMITS)
            if {path.name for path in Path(folder).iterdir()} != {"top"}:
                raise RuntimeError("something came out beside the folder")

    return unpack


def _zip() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("textures/wood.png", b"wood" * 99)
    return target.getvalue()


def _tar() -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as file:
        member = tarfile.TarInfo("textures/wood.png")
        member.size = 4
        file.addfile(member, io.BytesIO(b"wood"))
    return target.getvalue()


def _glb() -> bytes:
    text = _GLTF + b" " * (-len(_GLTF) % 4)
    size = 12 + 8 + len(text)
    return struct.pack("<4sIIII", b"glTF", 2, size, len(text), 0x4E4F534A) + text


TARGETS: Mapping[str, tuple[Callable[[bytes], None], tuple[bytes, ...]]] = {
    "maya": (maya, (_MAYA,)),
    "gltf": (gltf, (_GLTF, _glb())),
    "zip": (archive("a.zip"), (_zip(),)),
    "tar": (archive("a.tar"), (_tar(),)),
}
"""What is fed, and what it begins with."""


def main() -> None:
    """Fuzz what the command line names."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:  # the program and its target
        sys.exit(f"say which: {', '.join(TARGETS)}")
    feed, seeds = TARGETS[sys.argv.pop(1)]

    def once(content: bytes) -> None:
        try:
            feed(content)
        except BrokenSceneError:
            return

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds):
            (Path(corpus) / str(number)).write_bytes(seed)
        files = [word for word in sys.argv[1:] if not word.startswith("-")]
        atheris.Setup([*sys.argv, *([] if files else [corpus])], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main()

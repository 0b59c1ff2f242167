"""What we accept, the Khronos validator and Blender accept too; what we refuse has a reason."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from services.analyzer.tests.core.gltf import corpus

from lightmill.analyzer.adapters.gltf_probe import read
from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.testing.blender import RunBlender

pytestmark = [pytest.mark.blender, pytest.mark.slow, pytest.mark.timeout(900)]

MODULE = Path(__file__).parents[5] / ".tools/node_modules/gltf-validator"
VALIDATE = """
const [module, folder] = process.argv.slice(1);
const validator = require(module), fs = require('fs');
(async () => {
  const found = {};
  for (const name of fs.readdirSync(folder).filter(n => /\\.(gltf|glb)$/.test(n))) {
    const content = new Uint8Array(fs.readFileSync(folder + '/' + name));
    try {
      const report = await validator.validateBytes(content, {uri: name});
      found[name] = report.issues.messages.filter(m => m.severity === 0).map(m => m.code);
    } catch (error) { found[name] = [String(error)]; }
  }
  console.log(JSON.stringify(found));
})();
"""
IMPORT = """
import json, sys, bpy
folder, names = sys.argv[1], json.load(open(sys.argv[1] + "/accepted.json"))
found = {}
for name in names:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    try:
        bpy.ops.import_scene.gltf(filepath=f"{folder}/{name}")
        found[name] = sum(thing.type == "MESH" for thing in bpy.data.objects)
    except Exception as error:
        found[name] = str(error)
print(json.dumps(found))
"""

Verdicts = Mapping[str, str | None]


MAKE = """
import sys, bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.mesh.primitive_monkey_add()
material = bpy.data.materials.new("Fur")
material.use_nodes = True
picture = material.node_tree.nodes.new("ShaderNodeTexImage")
picture.image = bpy.data.images.new("Fur", 8, 8)
picture.image.pack()
shader = material.node_tree.nodes["Principled BSDF"]
material.node_tree.links.new(picture.outputs["Color"], shader.inputs["Base Color"])
shader.inputs["Transmission Weight"].default_value = 0.5
monkey = bpy.context.object
monkey.data.materials.append(material)
monkey.keyframe_insert("location", frame=1)
monkey.location.x = 2
monkey.keyframe_insert("location", frame=20)
monkey.shape_key_add(name="Basis")
monkey.shape_key_add(name="Grin").data[0].co.x += 0.2
bpy.ops.object.camera_add()
bpy.ops.object.light_add(type="SPOT")
options = dict(export_cameras=True, export_lights=True, export_tangents=True)
bpy.ops.export_scene.gltf(filepath=sys.argv[1] + "/blender.glb", **options)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, run_blender: RunBlender) -> Path:
    """Return a folder with the whole corpus, and a model of Blender's own exporter."""
    found = tmp_path_factory.mktemp("corpus")
    (found / "make.py").write_text(MAKE)
    run_blender(found / "make.py", str(found))
    for name, content in (*corpus.sound(), *corpus.damaged()):
        (found / name).write_bytes(content)
    return found


@pytest.fixture(scope="module")
def ours(folder: Path) -> Verdicts:
    """Return our reason to refuse each model, None for those that are accepted."""
    return {path.name: _verdict(folder, path.name) for path in sorted(folder.glob("*.gl*"))}


def _verdict(folder: Path, name: str) -> str | None:
    try:
        read(folder, name)
    except BrokenSceneError as error:
        return str(error)
    return None


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Mapping[str, list[str]]:
    """Return the errors that the Khronos validator finds in each model."""
    node = shutil.which("node")
    if node is None or not MODULE.is_dir():
        pytest.skip("no glTF validator is installed; run: make validator")
    done = subprocess.run(  # noqa: S603  # the tests' own script
        [node, "-e", VALIDATE, str(MODULE), str(folder)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    found: Mapping[str, list[str]] = json.loads(done.stdout)
    return found


def test_whatever_is_sound_is_accepted_by_both(
    ours: Verdicts, theirs: Mapping[str, list[str]]
) -> None:
    names = ["blender.glb", *(name for name, _ in corpus.sound())]
    assert {name: ours[name] for name in names} == dict.fromkeys(names)
    assert {name: theirs[name] for name in names} == {name: [] for name in names}


def test_the_validator_finds_no_error_in_what_we_accept(
    ours: Verdicts, theirs: Mapping[str, list[str]]
) -> None:
    names = dict(zip((f"damaged-{n:03}.gltf" for n in range(200)), corpus.DAMAGES, strict=False))
    wrong = {
        names.get(name, name): theirs[name]
        for name, reason in ours.items()
        if reason is None and theirs[name]
    }
    assert wrong == {}


def test_what_is_refused_has_a_reason_that_names_the_place(ours: Verdicts) -> None:
    refused = {name: reason for name, reason in ours.items() if reason is not None}
    damaged = {name for name, _ in corpus.damaged()}
    assert set(refused) == damaged, "every damage is found, and nothing else"
    for name, reason in refused.items():
        assert reason.startswith(("is ", "has ", "needs ")), (name, reason)


def test_blender_reads_what_we_accept(
    folder: Path, ours: Verdicts, run_blender: RunBlender
) -> None:
    accepted = [name for name, reason in ours.items() if reason is None]
    (folder / "accepted.json").write_text(json.dumps(accepted))
    (folder / "import.py").write_text(IMPORT)
    output = run_blender(folder / "import.py", str(folder))
    found = json.loads(output.strip().splitlines()[-1])
    assert {name: seen for name, seen in found.items() if not isinstance(seen, int)} == {}
    assert all(found.values()), "every one of them has a mesh"
    assert set(found) == set(accepted)

import subprocess
import sys
from pathlib import Path

import pytest

from lightmill.render_node.engines import installation
from lightmill.render_node.engines.blender import BlenderProgram, BpyModule
from lightmill.render_node.engines.installation import (
    blender_home,
    bpy_version,
    check_engine,
    install_blender,
    list_engines,
)


def pretended(home: Path) -> Path:
    """Make what looks like the managed environment."""
    (home / "bin").mkdir(parents=True)
    (home / "bin/python").symlink_to(sys.executable)
    (home / "lib/python3.11/site-packages/bpy-4.5.15.dist-info").mkdir(parents=True)
    return home


def test_environment_is_found_and_not_made_again(tmp_path: Path) -> None:
    home = pretended(tmp_path / "blender-4.5")
    assert install_blender(home) == home
    assert list_engines(tmp_path) == {"blender-4.5": "4.5.15"}
    assert BpyModule(home).discover() == ("4.5.15",)


def test_absent_environment_offers_nothing(tmp_path: Path) -> None:
    assert bpy_version(blender_home(tmp_path)) is None
    assert BpyModule(blender_home(tmp_path)).discover() == ()
    assert list_engines(tmp_path) == {}


def test_check_needs_no_download(tmp_path: Path) -> None:
    found = check_engine(blender_home(tmp_path))
    assert found.version is None
    assert bool(found.missing) == bool(found.remedy)


def test_missing_libraries_are_named_with_their_packages() -> None:
    assert installation.unloadable(("libc.so.6", "libabsent.so.9")) == ("libabsent.so.9",)
    remedy = installation.remedy(("libX11.so.6", "libGL.so.1"))
    assert remedy == "apt-get install -y --no-install-recommends libx11-6 libgl1"


@pytest.mark.parametrize(("version", "offered"), [("4.0.2", ("4.0.2",)), ("3.6.9", ())])
def test_program_must_be_new_enough(
    tmp_path: Path, version: str, offered: tuple[str, ...]
) -> None:
    program = tmp_path / "blender"
    program.write_text(f"#!/bin/sh\necho 'Blender {version}'\n")
    program.chmod(0o755)
    assert BlenderProgram(program).discover() == offered


def test_program_that_is_none(tmp_path: Path) -> None:
    assert BlenderProgram(tmp_path / "absent").discover() == ()


@pytest.mark.blender
@pytest.mark.slow
def test_installed_blender_can_be_imported(blender_python: Path) -> None:
    home = blender_python.parent.parent
    assert check_engine(home).missing == ()
    run = [str(blender_python), "-I", "-c", "import bpy; print(bpy.app.version_string)"]
    printed = subprocess.run(run, check=True, capture_output=True, text=True)  # noqa: S603  # the engine's Python
    assert printed.stdout.startswith(str(bpy_version(home)))

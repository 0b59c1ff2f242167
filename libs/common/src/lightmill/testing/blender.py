"""A real Blender for tests that are marked `blender`."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

_DATA = os.environ.get("XDG_DATA_HOME", "")  # noqa: TID251  # where the desktop keeps data
ENGINES = (Path(_DATA) if _DATA else Path.home() / ".local/share") / "lightmill/engines"
TIMEOUT = 600.0

RunBlender = Callable[..., str]
"""Called with a script's path and its arguments; returns what the script printed."""


@pytest.fixture(scope="session")
def blender_python() -> Path:
    """Return a Python that can `import bpy`; skips where there is none."""
    found = installed_python()
    if found is None:
        pytest.skip("no Blender engine is installed; run: make engine")
    return found


def installed_python() -> Path | None:
    """Return a Python that can `import bpy`, of the newest engine; None where there is none."""
    found = sorted(ENGINES.glob("blender-*/lib/python3.*/site-packages/bpy-*.dist-info"))
    return found[-1].parents[3] / "bin/python" if found else None


@pytest.fixture(scope="session")
def run_blender(blender_python: Path) -> RunBlender:
    """Return a function that runs a Python script in Blender and fails with its output."""

    def run(script: Path, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603  # the tests' own scripts
            [blender_python, script, *arguments],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr  # noqa: S101  # a test's check
        return done.stdout

    return run

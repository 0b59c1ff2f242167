"""The managed Blender: Blender's own `bpy` wheel in a Python environment of its own."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which

BLENDER = "4.5"
_REQUIREMENTS = (f"bpy=={BLENDER}.*", "numpy<2")
_PYTHON = (3, 11)
_MISSING = re.compile(r"^\s*(\S+) => not found", re.MULTILINE)
_LIBRARIES = {
    "libX11.so.6": "libx11-6",
    "libXrender.so.1": "libxrender1",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libXext.so.6": "libxext6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libGL.so.1": "libgl1",
    "libgomp.so.1": "libgomp1",
}
"""What the wheel takes from the system, and the Debian packages that have it."""

_LOAD = """
import ctypes, sys
for name in sys.argv[1:]:
    try:
        ctypes.CDLL(name)
    except OSError:
        print(name)
"""


class InstallationError(Exception):
    """The managed engine cannot be installed; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCheck:
    """Whether an engine can run here.

    Attributes:
        version: The installed version, or None.
        home: Where it is, or would be.
        missing: Names of system libraries that are not here.
        remedy: What to type, or an empty string when nothing is missing.
    """

    version: str | None
    home: Path
    missing: tuple[str, ...]
    remedy: str


def data_folder() -> Path:
    """Return where a user's engines are kept, shared by all nodes of the machine."""
    base = os.environ.get("XDG_DATA_HOME", "")  # noqa: TID251  # the desktop's convention, no setting of ours
    return (Path(base) if base else Path.home() / ".local/share") / "lightmill/engines"


def blender_home(engines: Path | None = None) -> Path:
    """Return the folder of the managed Blender, whether it is there or not."""
    return (engines or data_folder()) / f"blender-{BLENDER}"


def environment_python(home: Path) -> Path:
    """Return the interpreter of an environment."""
    return home / "bin/python"


def bpy_version(home: Path) -> str | None:
    """Return the version of the `bpy` in an environment, or None when it has none."""
    if not os.access(environment_python(home), os.X_OK):
        return None
    found = home.glob("lib/python3.*/site-packages/bpy-*.dist-info")
    return next(
        (path.name.removeprefix("bpy-").removesuffix(".dist-info") for path in found), None
    )


def check_engine(home: Path | None = None) -> EngineCheck:
    """Return what the managed Blender needs and is not here; its download is not needed for it."""
    home = home or blender_home()
    version = bpy_version(home)
    missing = _unresolved(home) if version else unloadable(tuple(_LIBRARIES))
    return EngineCheck(version=version, home=home, missing=missing, remedy=remedy(missing))


def list_engines(engines: Path | None = None) -> dict[str, str]:
    """Return the managed engines that are installed: names to versions."""
    folder = engines or data_folder()
    found = {home.name: bpy_version(home) for home in sorted(folder.glob("blender-*"))}
    return {name: version for name, version in found.items() if version}


def install_blender(target: Path | None = None) -> Path:
    """Return the folder of the managed Blender, downloading 373 MB if it is not there.

    It is made aside and then renamed, so that it is there whole or not at all; several may try
    at the same time.

    Args:
        target: Where to install; the place that all nodes of this user share when not given.

    Raises:
        InstallationError: system libraries are missing, or the download failed.
    """
    home = target or blender_home()
    if bpy_version(home):
        return home
    check = check_engine(home)
    if check.missing:
        raise InstallationError(f"Blender needs {', '.join(check.missing)}. Run: {check.remedy}")
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".making-") as aside:
        made = Path(aside, home.name)
        _make(made)
        try:
            made.rename(home)
        except OSError as error:
            if not bpy_version(home):
                raise InstallationError(f"{home} is in the way: {error}") from error
    return home


def _make(folder: Path) -> None:
    python = _python()
    uv = which("uv")
    if uv:
        _run([uv, "venv", "--quiet", "--python", python, str(folder)])
        install = [uv, "pip", "install", "--quiet", "--python", str(environment_python(folder))]
    else:
        _run([python, "-m", "venv", str(folder)])
        install = [str(environment_python(folder)), "-m", "pip", "install", "--quiet"]
    _run([*install, *_REQUIREMENTS])
    _run([str(environment_python(folder)), "-I", "-c", "import bpy"])


def _python() -> str:
    """Return a Python that the wheel fits: this one's base, or one on the path."""
    if sys.version_info[:2] == _PYTHON:
        return str(Path(sys.base_prefix, "bin", f"python{_PYTHON[0]}.{_PYTHON[1]}"))
    found = which(f"python{_PYTHON[0]}.{_PYTHON[1]}")
    if found is None:
        raise InstallationError(f"Blender {BLENDER} needs Python {_PYTHON[0]}.{_PYTHON[1]}")
    return found


def _run(command: Sequence[str]) -> None:
    ended = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  # our own command line
    if ended.returncode:
        told = (ended.stderr or ended.stdout).strip()[-2000:]
        raise InstallationError(f"{' '.join(command[:4])} failed: {told}")


def _unresolved(home: Path) -> tuple[str, ...]:
    """Return the libraries that the loader does not find for the installed wheel."""
    module = next(home.glob("lib/python3.*/site-packages/bpy/__init__*.so"), None)
    ldd = which("ldd")
    if module is None or ldd is None:
        return unloadable(tuple(_LIBRARIES))
    ended = subprocess.run([ldd, str(module)], check=False, capture_output=True, text=True)  # noqa: S603  # our own command line
    return tuple(sorted(set(_MISSING.findall(ended.stdout))))


def unloadable(names: Sequence[str]) -> tuple[str, ...]:
    """Return which libraries a process of this machine cannot load."""
    command = [sys.executable, "-I", "-S", "-c", _LOAD, *names]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  # our own command line
    return tuple(ended.stdout.split())


def remedy(missing: Sequence[str]) -> str:
    """Return the command that installs what has the libraries; empty when none is missing."""
    packages = [_LIBRARIES.get(name, f"(the package with {name})") for name in missing]
    return f"apt-get install -y --no-install-recommends {' '.join(packages)}" if packages else ""

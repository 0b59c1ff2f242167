"""Blender: the managed `bpy` environment, or an executable of 4.0 or newer."""

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import which

from typing_extensions import override

from lightmill.domain import absolute_paths
from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Json
from lightmill.render_node.engines import wire
from lightmill.render_node.engines.contract import Command, Event
from lightmill.render_node.engines.installation import (
    blender_home,
    bpy_version,
    environment_python,
)
from lightmill.render_node.engines.sandbox import python_readable
from lightmill.render_node.ports import Launch

_INSIDE = Path(__file__).with_name("blender_inside")
_DRIVER = _INSIDE / "driver.py"
_NODE = _INSIDE.parents[1]
_WORDS = Path(absolute_paths.__file__)
_DOMAIN = str(_WORDS.parents[2])
_READABLE = (
    _INSIDE,
    *(_NODE / part for part in ("__init__.py", "engines/__init__.py", "core/__init__.py")),
    _NODE / "core" / "tiles.py",
    _WORDS,
    _WORDS.with_name("__init__.py"),
)
"""The driver, and the packages that its modules are named after."""
_OLDEST = (4, 0)
_OFFLINE_SINCE = (4, 2)
_PROBE_SECONDS = 60
_VERSION = re.compile(r"^Blender (\d+)\.(\d+)\.?(\d*)", re.MULTILINE)
_GPU_DEVICES = (
    "/dev/dri",
    "/dev/kfd",
    "/dev/nvidiactl",
    "/dev/nvidia-uvm",
    "/dev/nvidia-uvm-tools",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenePolicy:
    """What scenes may do on this node beside being rendered.

    Attributes:
        trusting: Whether the code that a scene holds may run inside the sandbox: drivers,
            registered texts, Freestyle and OSL.
        addons: Names of the add-ons that a job may ask for.
        moves: Folders of other machines, and where they are on this one or in the bundle.
    """

    trusting: bool = False
    addons: tuple[str, ...] = ()
    moves: tuple[tuple[str, str], ...] = ()

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of this machine that scenes may read beside the bundle."""
        targets = (Path(target) for _, target in self.moves)
        return tuple(dict.fromkeys(target for target in targets if target.is_absolute()))


_STRICT = ScenePolicy()


class BpyModule:
    """Blender as a module of the Python of its own environment.

    Args:
        home: Folder of the environment; the place of the managed one when not given.
        policy: What scenes may do.
    """

    name = "blender"

    def __init__(self, home: Path | None = None, policy: ScenePolicy = _STRICT) -> None:
        self._home = home or blender_home()
        self._policy = policy

    def discover(self) -> tuple[str, ...]:
        """Return the version of the environment, if it is there and whole."""
        version = bpy_version(self._home)
        return (version,) if version else ()

    def command(self, launch: Launch) -> Command:
        """Return the environment's Python with the driver script."""
        python = environment_python(self._home)
        return Command(
            argv=(str(python), "-I", str(_DRIVER), _DOMAIN),
            environment=_visible(launch.gpus),
            readable=(*python_readable(python), *_READABLE, *self._policy.folders),
            devices=_devices(launch.gpus),
        )

    def opening(self, launch: Launch) -> str:
        """Return the launch for the driver."""
        policy = self._policy
        moves: list[Json] = [list(move) for move in policy.moves]
        return wire.opening(
            launch, trusting=policy.trusting, addons=list(policy.addons), moves=moves
        )

    def request(self, frame: int, output: Path) -> str:
        """Return the frame for the driver."""
        return wire.request(frame, output)

    def read(self, line: str) -> Event | None:
        """Return what the driver tells."""
        return wire.read(line)

    def classify_failure(self, exit_code: int, tail: str) -> FailureKind:
        """Return why Blender died."""
        del exit_code
        return wire.classify(tail)


class BlenderProgram(BpyModule):
    """An installed `blender`; it brings its own Python.

    Args:
        program: The executable; the one on the path when not given.
        policy: What scenes may do.
    """

    def __init__(self, program: Path | None = None, policy: ScenePolicy = _STRICT) -> None:
        self._policy = policy
        found = program or which("blender")
        self._program = Path(found).resolve() if found else None

    @override
    def discover(self) -> tuple[str, ...]:
        """Return its version, if it is new enough."""
        version = _program_version(self._program) if self._program else ()
        return (".".join(map(str, version)),) if version >= _OLDEST else ()

    @override
    def command(self, launch: Launch) -> Command:
        """Return Blender without window, with nothing of anybody's settings, and the driver."""
        if self._program is None:
            raise ValueError("there is no blender executable")
        offline = _program_version(self._program) >= _OFFLINE_SINCE
        autoexec = "--enable-autoexec" if self._policy.trusting else "--disable-autoexec"
        return Command(
            argv=(
                str(self._program),
                *("--background", "--factory-startup", autoexec),
                *(("--offline-mode",) if offline else ()),
                *("--python-exit-code", "1", "--threads", str(launch.cores)),
                *("--python", str(_DRIVER), "--", _DOMAIN),
            ),
            environment=_visible(launch.gpus),
            readable=(self._program.parent, *_READABLE, *self._policy.folders),
            devices=_devices(launch.gpus),
        )


@cache
def _program_version(program: Path) -> tuple[int, ...]:
    try:
        ended = subprocess.run(  # noqa: S603  # the administrator's choice of program
            [str(program), "--background", "--version"],
            check=False,
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = _VERSION.search(ended.stdout)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


def _visible(gpus: tuple[int, ...]) -> dict[str, str]:
    """Return what hides all other devices from the drivers of each vendor.

    CUDA counts the fastest first unless it is told to count as NVML does. Level Zero takes an
    empty mask for none at all.
    """
    listed = ",".join(map(str, gpus))
    hiding = {"CUDA_VISIBLE_DEVICES": listed, "HIP_VISIBLE_DEVICES": listed}
    if not gpus:
        return hiding
    return {**hiding, "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "ZE_AFFINITY_MASK": listed}


def _devices(gpus: tuple[int, ...]) -> tuple[Path, ...]:
    if not gpus:
        return ()
    return tuple(map(Path, (*_GPU_DEVICES, *(f"/dev/nvidia{index}" for index in gpus))))

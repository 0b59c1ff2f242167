"""Unreal Engine's Movie Render Queue; written from Epic's documentation.

It has not been run on a real Unreal: the tests hold it against a stand-in that takes the
documented arguments and has the documented Python classes, and against recorded output.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Json
from lightmill.render_node.engines import wire
from lightmill.render_node.engines.contract import Command, Event
from lightmill.render_node.engines.sandbox import python_readable
from lightmill.render_node.engines.symptoms import diagnose, licence_hosts, symptom
from lightmill.render_node.ports import Launch, RenderFailedError

_INSIDE = Path(__file__).with_name("unreal_inside")
_MIRROR = Path(__file__).with_name("unreal_mirror.py")
_EXECUTOR = "/Engine/PythonTypes.LightmillExecutor"
_HOST = "/Script/MovieRenderPipelineCore.MoviePipelinePythonHostExecutor"
_ASSET = re.compile(r"/[\w./-]+")
_GPU_DEVICES = ("/dev/dri", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-modeset")
_SYMPTOMS = (
    symptom(r"out of video memory|ran out of memory|out of memory", FailureKind.OUT_OF_MEMORY),
    symptom(r"licen[sc]e[^\n]*(not|fail|denied|error|expired)", FailureKind.LICENCE),
    symptom(r"failed to (find|load|open)[^\n]*\.(uproject|umap|uasset)", FailureKind.MISSING_FILE),
    symptom(r"map '[^']*' (does not exist|could not be found)", FailureKind.MISSING_FILE),
)


class Unreal:
    """Starts the editor for every frame, without a window.

    Each frame begins with the warm-up that the preset asks for, since the engine draws upon the
    frames before. The scene of the work is the `.uproject`.

    Settings: `map`, `sequence` and `config` (paths of assets: the level, the level sequence and
    the Movie Pipeline preset), `width`, `height`, `format`.

    Args:
        home: Folder of the installation; it has `Engine` in it.
        licences: Variables that name licence servers.
        windows: Whether this is a Windows machine.
    """

    name = "unreal"

    def __init__(
        self,
        home: Path,
        licences: Mapping[str, str] | None = None,
        *,
        windows: bool = sys.platform == "win32",
    ) -> None:
        self._home = home
        self._licences = dict(licences or {})
        binaries = home / "Engine" / "Binaries"
        self._program = (
            binaries / "Win64" / "UnrealEditor-Cmd.exe"
            if windows
            else binaries / "Linux" / "UnrealEditor-Cmd"
        )

    def discover(self) -> tuple[str, ...]:
        """Return the version that the installation's `Build.version` names."""
        try:
            told = json.loads((self._home / "Engine/Build/Build.version").read_text("utf-8"))
            names = ("MajorVersion", "MinorVersion", "PatchVersion")
            version = ".".join(str(int(told[name])) for name in names)
        except (OSError, ValueError, KeyError, TypeError):
            return ()
        return (version,) if self._program.is_file() else ()

    def frame_command(self, launch: Launch, frame: int, output: Path) -> Command:
        """Return the editor with one frame of a sequence.

        The editor writes beside its project, which is read-only: a mirror of it is written to.
        """
        scene = launch.work.scene
        if scene is None or not scene.endswith(".uproject"):
            raise _refused("an Unreal job needs a .uproject as its scene")
        settings = launch.work.settings
        python = Path(sys.executable).resolve()
        mirror = launch.scratch / "project"
        return Command(
            argv=(
                *(str(python), "-I", "-S", str(_MIRROR), str(launch.project), str(mirror)),
                str(self._program),
                str(mirror / scene),
                _asset(settings, "map"),
                "-game",
                f"-MoviePipelineLocalExecutorClass={_HOST}",
                f"-ExecutorPythonClass={_EXECUTOR}",
                f"-LevelSequence={_asset(settings, 'sequence')}",
                f"-MoviePipelineConfig={_asset(settings, 'config')}",
                f"-LightmillFrame={frame}",
                f"-LightmillOutput={_folder(output, frame).as_posix()}",
                f"-LightmillFormat={output.suffix.removeprefix('.')}",
                *_size(settings),
                *("-RenderOffscreen", "-Unattended", "-NoLoadingScreen", "-NoTextureStreaming"),
                *("-NoSound", "-Log", "-StdOut", "-AllowStdOutLogVerbosity"),
            ),
            environment={"UE_PYTHONPATH": str(_INSIDE), **self._licences},
            readable=(self._home, _INSIDE, _MIRROR, *python_readable(python)),
            devices=_devices(launch.gpus),
            hosts=licence_hosts(self._licences),
        )

    def read(self, line: str) -> Event | None:
        """Return what the executor tells; the editor writes it behind a time and a category."""
        at = line.find(wire.MARK)
        return None if at < 0 else wire.read(line[at:])

    def outputs(self, launch: Launch, frame: int, output: Path) -> tuple[str, ...]:
        """Return where the executor had the image put."""
        del launch
        endings = {".jpg": (".jpeg", ".jpg")}.get(output.suffix, (output.suffix,))
        return tuple(f"{_folder(output, frame).name}/*{end}" for end in endings)

    def classify_failure(self, exit_code: int, tail: str) -> FailureKind:
        """Return why the editor failed, by what it said last."""
        return diagnose(exit_code, tail, _SYMPTOMS)


def _folder(output: Path, frame: int) -> Path:
    return output.parent / f"unreal-{frame}"


def _asset(settings: Mapping[str, Json], name: str) -> str:
    path = settings.get(name)
    if not isinstance(path, str) or not _ASSET.fullmatch(path):
        raise _refused(f"settings.{name} has to be the path of an asset, such as /Game/Shots/A.A")
    return path


def _size(settings: Mapping[str, Json]) -> tuple[str, ...]:
    names = {"width": "LightmillWidth", "height": "LightmillHeight"}
    given = {flag: settings.get(name) for name, flag in names.items()}
    return tuple(f"-{flag}={value}" for flag, value in given.items() if isinstance(value, int))


def _devices(gpus: tuple[int, ...]) -> tuple[Path, ...]:
    if not gpus:
        return ()
    return tuple(map(Path, (*_GPU_DEVICES, *(f"/dev/nvidia{index}" for index in gpus))))


def _refused(detail: str) -> RenderFailedError:
    return RenderFailedError(FailureKind.ENGINE, detail)

"""Maya with Arnold, by the `Render` command; written from Autodesk's documentation.

It has not been run on a real Maya: the tests hold it against a stand-in that takes the documented
arguments, and against recorded lines of output.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lightmill.domain.absolute_paths import is_absolute, slashed
from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Json
from lightmill.render_node.engines.contract import Command, Event, Failed, Progress, Ready
from lightmill.render_node.engines.symptoms import diagnose, licence_hosts, symptom
from lightmill.render_node.ports import Launch, RenderFailedError

_INSIDE = Path(__file__).with_name("maya_inside")
_VERSION = re.compile(r"maya(\d{4}(?:\.\d+)?)", re.IGNORECASE)
_DONE = re.compile(r"\|\s+(\d{1,3})% done")
_OPENED = re.compile(r"^File read in\s+[\d.]+ seconds")
_WATERMARKED = re.compile(r"rendering with watermarks", re.IGNORECASE)
_FORMATS = {".png": "png", ".jpg": "jpeg", ".exr": "exr", ".tif": "tif"}
_ENDINGS = {".jpg": (".jpg", ".jpeg"), ".tif": (".tif", ".tiff")}
_RENDERERS = frozenset({"arnold", "sw", "hw2", "file"})
_IMAGE = "frame"
_SYMPTOMS = (
    symptom(
        r"licen[sc]e[^\n]*(not|fail|denied|error|unable|invalid|expired)", FailureKind.LICENCE
    ),
    symptom(r"(failed|no) (authori[sz]ation|licen[sc]e)", FailureKind.LICENCE),
    symptom(r"memory exception|insufficient memory", FailureKind.OUT_OF_MEMORY),
    symptom(
        r"error[^\n]*(cannot find|could not open|can't find|unable to open)",
        FailureKind.MISSING_FILE,
    ),
    symptom(r"error[^\n]*(does not exist|no such file|file not found)", FailureKind.MISSING_FILE),
)
_QUIET = {"MAYA_DISABLE_CIP": "1", "MAYA_DISABLE_CER": "1", "MAYA_DISABLE_CLIC_IPM": "1"}


class Maya:
    """Starts `Render` for every frame.

    Settings: `renderer` (arnold, sw, hw2, or file: the scene's own), `camera`, `width`, `height`,
    `layer` (a render layer), `format`, `samples` is the scene's.

    Args:
        home: Folder of the installation; its name has the version in it.
        licences: Variables that name licence servers.
        moves: Folders of other machines, and where they are on this one or in the bundle.
        windows: Whether this is a Windows machine.
    """

    name = "maya"

    def __init__(
        self,
        home: Path,
        licences: Mapping[str, str] | None = None,
        *,
        moves: Sequence[tuple[str, str]] = (),
        windows: bool = sys.platform == "win32",
    ) -> None:
        self._home = home
        self._moves = moves
        self._licences = dict(licences or {})
        self._program = home / "bin" / ("Render.exe" if windows else "Render")

    def discover(self) -> tuple[str, ...]:
        """Return the version that the folder is named after, if the program is in it."""
        found = _VERSION.search(self._home.name)
        return (found[1] if found else "0",) if self._program.is_file() else ()

    def frame_command(self, launch: Launch, frame: int, output: Path) -> Command:
        """Return `Render` with one frame."""
        if launch.work.scene is None:
            raise _refused("a Maya job needs a scene")
        settings = launch.work.settings
        folder = _folder(output, frame)
        return Command(
            # Maya takes slashes on every system; a backslash at an argument's end would not do.
            argv=(
                self._program.as_posix(),
                *_renderer(settings, launch),
                *("-s", str(frame), "-e", str(frame), "-b", "1"),
                *("-proj", launch.project.as_posix(), "-rd", folder.as_posix()),
                *("-im", _IMAGE, "-fnc", "3", "-pad", "4"),
                *("-of", _FORMATS.get(output.suffix, "png")),
                *_overrides(settings),
                (launch.project / launch.work.scene).as_posix(),
            ),
            environment={
                "MAYA_APP_DIR": (launch.scratch / "maya").as_posix(),
                "MAYA_LOCATION": self._home.as_posix(),
                **_QUIET,
                **self._licences,
                **_moving(self._moves, launch.project),
            },
            readable=(self._home, *_folders(self._moves)),
            hosts=licence_hosts(self._licences),
        )

    def read(self, line: str) -> Event | None:
        """Return what Maya's and Arnold's lines tell."""
        if found := _DONE.search(line):
            return Progress(min(100, int(found[1])) / 100)
        if _OPENED.match(line):
            return Ready()
        if _WATERMARKED.search(line):
            return Failed(FailureKind.LICENCE, line.strip())
        return None

    def outputs(self, launch: Launch, frame: int, output: Path) -> tuple[str, ...]:
        """Return where `Render` puts the beauty; layers and passes get folders of their own."""
        del launch
        folder = _folder(output, frame).name
        endings = _ENDINGS.get(output.suffix, (output.suffix,))
        depths = ("", "beauty/", "*/", "*/beauty/")
        return tuple(f"{folder}/{depth}{_IMAGE}*{end}" for depth in depths for end in endings)

    def classify_failure(self, exit_code: int, tail: str) -> FailureKind:
        """Return why `Render` failed, by what it said last."""
        return diagnose(exit_code, tail, _SYMPTOMS)


def _moving(moves: Sequence[tuple[str, str]], project: Path) -> dict[str, str]:
    """Return what makes Maya find files where the moves say, the longest source first."""
    if not moves:
        return {}
    sources = sorted(moves, key=lambda move: len(move[0]), reverse=True)
    pairs = [(slashed(source), _place(target, project)) for source, target in sources]
    told = "|".join(text for pair in pairs for text in pair)
    return {"MAYA_SCRIPT_PATH": _INSIDE.as_posix(), "LIGHTMILL_PATH_MOVES": told}


def _place(target: str, project: Path) -> str:
    found = slashed(target)
    return found if is_absolute(found) else (project / found).as_posix()


def _folders(moves: Sequence[tuple[str, str]]) -> tuple[Path, ...]:
    """Return what Maya has to see for that; nothing without moves."""
    targets = tuple(Path(target) for _, target in moves if is_absolute(slashed(target)))
    return (_INSIDE, *dict.fromkeys(targets)) if moves else ()


def _folder(output: Path, frame: int) -> Path:
    return output.parent / f"maya-{frame}"


def _renderer(settings: Mapping[str, Json], launch: Launch) -> tuple[str, ...]:
    chosen = settings.get("renderer", "arnold")
    if chosen not in _RENDERERS:
        raise _refused(f"renderer {chosen!r} is not known; use one of {', '.join(_RENDERERS)}")
    if chosen != "arnold":
        return ("-r", str(chosen))
    # Without a licence Arnold has to stop: a frame with a watermark is none.
    log = ("-ai:lve", "2", "-ai:ltc", "1", "-ai:alf", "1")
    return ("-r", "arnold", *log, "-ai:threads", str(launch.cores))


def _overrides(settings: Mapping[str, Json]) -> tuple[str, ...]:
    flags = {"camera": "-cam", "layer": "-rl", "width": "-x", "height": "-y"}
    given = {
        flag: settings[name] for name, flag in flags.items() if settings.get(name) is not None
    }
    for flag, value in given.items():
        if not isinstance(value, str | int) or str(value).startswith("-"):
            raise _refused(f"{value!r} cannot follow {flag}")
    return tuple(text for flag, value in given.items() for text in (flag, str(value)))


def _refused(detail: str) -> RenderFailedError:
    return RenderFailedError(FailureKind.ENGINE, detail)

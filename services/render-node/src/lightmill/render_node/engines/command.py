"""The command engine: whatever program a job names, for pools whose people are trusted."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Json
from lightmill.render_node.engines import wire
from lightmill.render_node.engines.contract import Command, Event
from lightmill.render_node.ports import Launch, RenderFailedError

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(?P<name>\w*)(?::0?(?P<digits>\d{1,2})d?)?\}")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class CommandEngine:
    """Runs a program for every frame; the program writes the frame's image.

    Settings: `command` (the program and its arguments, no shell), `environment` (names to texts).
    In both, `{frame}`, `{frame:04}`, `{output}`, `{project}`, `{scratch}` and `{cores}` are
    replaced; a brace is written twice. Lines of the driver protocol are understood. With the
    format NONE a frame is done when its program ends with code 0, and leaves no file.

    Args:
        folders: Folders of the machine that the programs may read, beside the system's own.
    """

    name = "command"

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = tuple(folders)

    def discover(self) -> tuple[str, ...]:
        """Return its one version."""
        return ("1",)

    def frame_command(self, launch: Launch, frame: int, output: Path) -> Command:
        """Return the job's own command with the frame in it."""
        values: dict[str, str | int] = {
            "frame": frame,
            "output": str(output),
            "project": str(launch.project),
            "scratch": str(launch.scratch),
            "cores": launch.cores,
        }
        settings = launch.work.settings
        return Command(
            argv=tuple(filled(part, values) for part in _argv(settings.get("command"))),
            environment={
                "OMP_NUM_THREADS": str(launch.cores),
                **_environment(settings.get("environment", {}), values),
            },
            readable=self._folders,
        )

    def read(self, line: str) -> Event | None:
        """Return what a line of the driver protocol tells; all else is talk."""
        return wire.read(line)

    def outputs(self, launch: Launch, frame: int, output: Path) -> tuple[str, ...]:
        """Return the one name under which the image has to lie; none for the format NONE."""
        del frame
        return (output.name,) if launch.work.leaves_file else ()

    def classify_failure(self, exit_code: int, tail: str) -> FailureKind:
        """Return why the program failed, as far as its last words tell."""
        return FailureKind.OUTPUT if exit_code == 0 else wire.classify(tail)


def filled(text: str, values: Mapping[str, str | int]) -> str:
    """Return `text` with its placeholders replaced.

    Raises:
        RenderFailedError: it has one that is not known.
    """

    def value(found: re.Match[str]) -> str:
        if found[0] in {"{{", "}}"}:
            return found[0][0]
        if found["name"] not in values:
            known = ", ".join(f"{{{name}}}" for name in values)
            raise _refused(f"{found[0]} in {text!r} is not known; there are {known}")
        return str(values[found["name"]]).zfill(int(found["digits"] or 0))

    return _PLACEHOLDER.sub(value, text)


def _argv(command: Json) -> list[str]:
    parts = command if isinstance(command, list) else []
    texts = [part for part in parts if isinstance(part, str)]
    if not texts or len(texts) < len(parts) or not texts[0]:
        raise _refused(
            'settings.command has to be a list of texts, such as ["make-frame", "{frame}"]'
        )
    return texts


def _environment(given: Json, values: Mapping[str, str | int]) -> dict[str, str]:
    if not isinstance(given, dict):
        raise _refused("settings.environment has to be names with texts")
    for name, text in given.items():
        if not _ENVIRONMENT_NAME.fullmatch(name) or not isinstance(text, str):
            raise _refused(f"settings.environment: {name!r} is no name with a text")
    return {name: filled(str(text), values) for name, text in given.items()}


def _refused(detail: str) -> RenderFailedError:
    return RenderFailedError(FailureKind.ENGINE, detail)

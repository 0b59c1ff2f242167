"""The lines between the node and the driver scripts: JSON, marked so that talk is told apart."""

import json
from collections.abc import Mapping
from pathlib import Path

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Json
from lightmill.render_node.engines.contract import Event, Failed, Progress, Ready, Rendered
from lightmill.render_node.ports import Launch

MARK = "@lightmill "
_DETAIL = 4000
_VERSION = 20
_MOST_SAMPLES = 2**31
_MEMORY_WORDS = ("out of memory", "memoryerror", "bad_alloc", "cannot allocate memory")


def opening(launch: Launch, **more: Json) -> str:
    """Return what a driver has to know before the first frame, and `more` for that one."""
    work = launch.work
    return json.dumps(
        {
            "project": str(launch.project),
            "scratch": str(launch.scratch),
            "scene": work.scene,
            "script": work.script,
            "settings": dict(work.settings),
            "cores": launch.cores,
            "gpus": list(launch.gpus),
            **more,
        }
    )


def request(frame: int, output: Path) -> str:
    """Return the line that asks a driver for a frame."""
    return json.dumps({"frame": frame, "output": str(output)})


def read(line: str) -> Event | None:
    """Return what a driver's line tells; None for talk and for what is malformed.

    The scene's own code can write such lines too, so nothing here trusts them.
    """
    if not line.startswith(MARK):
        return None
    try:
        told = json.loads(line[len(MARK) :])
    except (ValueError, RecursionError):
        return None
    return _event(told) if isinstance(told, dict) else None


def classify(tail: str) -> FailureKind:
    """Return why a driver died, by the last of its output."""
    words = tail.lower()
    if any(word in words for word in _MEMORY_WORDS):
        return FailureKind.OUT_OF_MEMORY
    return FailureKind.ENGINE


def _event(told: Mapping[str, Json]) -> Event | None:
    match told:
        case {"event": "ready"}:
            return Ready(_short(told.get("version")))
        case {"event": "progress", "share": int() | float() as share}:
            return Progress(min(1.0, max(0.0, float(share))))
        case {"event": "rendered", "path": str(path)}:
            return Rendered(Path(path), _count(told.get("samples")))
        case {"event": "failed", "detail": str(detail)}:
            return Failed(_kind(told.get("kind")), detail[-_DETAIL:])
        case _:
            return None


def _short(text: Json) -> str:
    plain = isinstance(text, str) and text.isascii() and text.isprintable()
    return text[:_VERSION] if plain and isinstance(text, str) else ""


def _count(number: Json) -> int | None:
    return number if type(number) is int and 0 <= number < _MOST_SAMPLES else None


def _kind(name: Json) -> FailureKind:
    allowed = {
        FailureKind.MISSING_FILE,
        FailureKind.OUT_OF_MEMORY,
        FailureKind.OUTPUT,
        FailureKind.TIMEOUT,
    }
    return next((kind for kind in allowed if kind == name), FailureKind.ENGINE)

"""What every program has in common that prints what a scene holds."""

import json
import posixpath
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from lightmill.analyzer.adapters.limits import hold_this_process_to
from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.reading import Use

Reader = Callable[[Path, str], tuple[Mapping[str, object], Iterable[Use]]]
"""Takes the folder and the scene below it; returns its settings and the files that it names."""


def answer(read: Reader, folder: Path, scene: str) -> dict[str, object]:
    """Return what is printed: `{"scene_info": …, "uses": […]}`, or `{"error": "why not"}`."""
    try:
        info, uses = read(folder, scene)
        return {"scene_info": dict(info), "uses": [asdict(use) for use in uses]}
    except BrokenSceneError as error:
        return {"error": f"{scene} {error}"}
    except MemoryError:
        return {"error": f"{scene} takes more memory to read than this farm gives"}


def run(read: Reader) -> None:
    """Read the arguments `<folder> <scene> <memory> <seconds> <bytes>`, print the answer."""
    folder, scene, memory, seconds, size = sys.argv[1:]
    hold_this_process_to(int(memory), int(seconds), int(size))
    json.dump(answer(read, Path(folder).resolve(), posixpath.normpath(scene)), sys.stdout)

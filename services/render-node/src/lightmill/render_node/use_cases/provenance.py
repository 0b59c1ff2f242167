"""What an image says of where it comes from; nothing in it is secret."""

import json
from functools import lru_cache
from pathlib import Path
from threading import Lock

from blake3 import blake3

from lightmill.messages.orders import Assignment, Frame
from lightmill.render_node.ports import RenderedImage

_ONE_AT_A_TIME = Lock()
_LONGEST = 8192
"""Characters; a comment of a JPEG holds 65,533."""


def provenance(
    node: str, assignment: Assignment, frame: Frame, rendered: RenderedImage, project: Path
) -> str:
    """Return job, frame, attempt, engine, node, samples and scene, as JSON in ASCII.

    Blocking: the scene is hashed when its first frame is there.
    """
    work = assignment.work
    scene = work.script or work.scene
    told = {
        "job": assignment.job_id,
        "frame": frame.frame,
        "attempt": assignment.attempt_id,
        "engine": rendered.engine or work.engine,
        "node": node,
        "samples": rendered.samples,
        "seconds": round(rendered.seconds, 3),
        "scene": scene,
        "scene_blake3": None if scene is None else _hash_of(project / scene),
    }
    text = json.dumps({name: value for name, value in told.items() if value is not None})
    return text if len(text) <= _LONGEST else "{}"


def _hash_of(scene: Path) -> str | None:
    """Return the BLAKE3 of a scene, hex; None where there is no such file."""
    try:
        state = scene.stat()
    except OSError:
        return None
    with _ONE_AT_A_TIME:
        return _remembered(scene, state.st_ino, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)
def _remembered(scene: Path, *state: int) -> str | None:
    del state
    try:
        return blake3(max_threads=1).update_mmap(scene).hexdigest()
    except OSError:
        return None

"""What is known of a model, out of the analyzer's answer."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

_KNOWN = ("format", "bounds", "triangles", "materials", "cameras", "animations")
_TOLD = ("bounds", "triangles", "materials", "cameras")


class Look(StrEnum):
    """How far the analyzer has come with a model."""

    PENDING = "PENDING"
    READY = "READY"
    REFUSED = "REFUSED"
    UNCHECKED = "UNCHECKED"


def look(analysis_id: str | None, state: str | None) -> Look:
    """Return how far the analyzer has come; None as id: nobody asks it."""
    if analysis_id is None:
        return Look.UNCHECKED
    if state is None:
        return Look.PENDING
    return Look.READY if state == "SUCCEEDED" else Look.REFUSED


def metadata(outcome: Mapping[str, Any] | None) -> dict[str, object]:
    """Return what is known of a model: lengths in its own units, Y up.

    `unknown` lists what the analyzer cannot tell of its format, `missing` the files it names that
    were not sent.
    """
    found = dict(outcome or {})
    info = found.get("scene_info") or {}
    known = {name: info[name] for name in _KNOWN if info.get(name) is not None}
    if isinstance(cameras := known.get("cameras"), list):
        known["cameras"] = [
            one if isinstance(one, dict) else {"name": str(one)} for one in cameras
        ]
    absent = [path for entry in found.get("missing", ()) for path in entry.values()]
    unknown = [name for name in _TOLD if name not in known]
    return {**known, "unknown": unknown, "missing": absent}

"""The command `file`; a scene of this Maya is eight bytes, and then the same scene as text."""

from pathlib import Path
from typing import Any

from maya import standalone  # type: ignore[import-not-found]  # the one beside this

_OPENING = {
    "open": True,
    "force": True,
    "prompt": False,
    "ignoreVersion": True,
    "executeScriptNodes": False,
    "loadReferenceDepth": "none",
}
_held: dict[str, Any] = {}


def file(path: str | None = None, **flags: Any) -> None:  # noqa: ANN401  # as Maya's own
    """Open a scene, name it, or save it."""
    assert standalone.started
    if path is not None:
        assert flags == _OPENING, flags
        content = Path(path).read_bytes()
        if not content.startswith(b"FOR8\0\0\0\0"):
            raise RuntimeError(f"Error reading file: {path}")
        _held["scene"] = content[8:]
    elif "rename" in flags:
        _held["name"] = flags["rename"]
    else:
        assert flags == {"save": True, "force": True, "type": "mayaAscii"}, flags
        Path(_held["name"]).write_bytes(_held["scene"])

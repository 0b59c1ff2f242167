"""Writes a Maya Binary scene as Maya ASCII beside it; run by the `mayapy` of a Maya.

`mayapy mayapy_convert.py <folder> <scene> <memory> <seconds> <bytes>` prints
`{"written": "scenes/shot.mb.ma"}` or `{"error": "why not"}`. Written from Autodesk's documentation
of `maya.standalone` and the command `file`; it has not been run on a real Maya.

A scene can carry code: script nodes are not run, references are not loaded, and the sandbox
around this process is what holds the rest.
"""

import json
import os
import sys
from pathlib import Path

from lightmill.analyzer.adapters.limits import hold_this_process_to

_BEGINS = (b"FOR4", b"FOR8")
_DETAIL = 500


def convert(folder: Path, scene: str) -> dict[str, str]:
    """Return what is printed."""
    path = folder / scene
    with path.open("rb") as file:
        if not file.read(4).startswith(_BEGINS):
            return {"error": f"{scene} is no Maya Binary: it begins with something else"}
    # Maya writes its preferences where these say; nothing of the machine's own is seen.
    own = {"HOME": str(folder), "MAYA_APP_DIR": str(folder / ".maya"), "MAYA_DISABLE_CIP": "1"}
    os.environ.update(own)  # noqa: TID251  # nothing is read of it
    try:
        _save(path, path.with_name(f"{path.name}.ma"))
    except Exception as error:  # noqa: BLE001  # whatever Maya raises, the answer has to say it
        detail = str(error).strip()[-_DETAIL:]
        return {"error": f"{scene} cannot be opened by Maya: {detail}"}
    return {"written": f"{scene}.ma"}


def _save(scene: Path, target: Path) -> None:
    import maya.standalone  # type: ignore[import-not-found]  # noqa: PLC0415  # only mayapy has it

    maya.standalone.initialize(name="python")
    from maya import cmds  # noqa: PLC0415  # there is none before

    cmds.file(
        scene.as_posix(),
        open=True,
        force=True,
        prompt=False,
        ignoreVersion=True,
        executeScriptNodes=False,
        loadReferenceDepth="none",
    )
    cmds.file(rename=target.as_posix())
    cmds.file(save=True, force=True, type="mayaAscii")


def main() -> None:
    """Read the arguments, print the outcome."""
    folder, scene, memory, seconds, size = sys.argv[1:]
    hold_this_process_to(int(memory), int(seconds), int(size))
    told = os.dup(1)
    os.dup2(2, 1)  # Maya talks to standard output
    with os.fdopen(told, "w") as output:
        json.dump(convert(Path(folder).resolve(), scene), output)


if __name__ == "__main__":
    main()

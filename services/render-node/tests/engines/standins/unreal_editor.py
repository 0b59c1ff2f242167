"""Stands in for UnrealEditor-Cmd: takes the documented arguments, and runs the executor.

Beside it lie the stand-in for the module `unreal` and the pictures.
"""

import importlib
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
SWITCHES = {
    "game",
    "RenderOffscreen",
    "Unattended",
    "NoLoadingScreen",
    "NoTextureStreaming",
    "NoSound",
    "Log",
    "StdOut",
    "AllowStdOutLogVerbosity",
}
NAMES = {
    "MoviePipelineLocalExecutorClass",
    "ExecutorPythonClass",
    "LevelSequence",
    "MoviePipelineConfig",
}


def main() -> None:
    project, level, *flags = sys.argv[1:]
    for flag in flags:
        name = flag.removeprefix("-").partition("=")[0]
        known = name in NAMES if "=" in flag else name in SWITCHES
        if not flag.startswith("-") or not (known or name.startswith("Lightmill")):
            sys.exit(f"LogInit: unknown argument {flag}")
    if not Path(project).is_file():
        sys.exit(f"LogInit: Error: Failed to open descriptor file {project}")
    if not level.startswith("/Game/"):
        sys.exit(f"LogLoad: Error: map '{level}' does not exist")
    (Path(project).parent / "Saved").mkdir(exist_ok=True)
    sys.path[:0] = [str(HERE), os.environ["UE_PYTHONPATH"]]
    unreal = importlib.import_module("unreal")
    unreal.COMMAND_LINE[:] = [level, *flags]
    importlib.import_module("init_unreal")
    _, _, asked = unreal.SystemLibrary.parse_command_line(" ".join(flags))
    executor = unreal.CLASSES[asked["ExecutorPythonClass"]]()
    executor._post_init()
    executor.execute_delayed(None)
    while not executor.finished:
        executor.on_begin_frame()
        executor.pipeline.step()


main()

"""Makes a writable mirror of a project and becomes the editor; a script on its own.

`unreal_mirror.py PROJECT MIRROR PROGRAM ARGUMENT...`: folders of the mirror are real, so that the
editor can write `Saved` and `Intermediate`; files are links, or copies where there are none.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path


def mirror(project: Path, target: Path) -> None:
    """Make the mirror; one that is there already, of the frame before, is used."""
    if target.exists():
        return
    aside = target.with_name(target.name + ".making")
    for folder, _, files in os.walk(project):
        there = aside / Path(folder).relative_to(project)
        there.mkdir(parents=True, exist_ok=True)
        for name in files:
            link(Path(folder, name), there / name)
    aside.rename(target)


def link(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`."""
    try:
        target.symlink_to(source)
    except OSError:  # Windows lets few accounts make links
        shutil.copyfile(source, target)


def main() -> None:
    """Make the mirror, and replace this process by the program."""
    project, target, *argv = sys.argv[1:]
    mirror(Path(project), Path(target))
    try:
        if sys.platform == "win32":
            sys.exit(subprocess.run(argv, check=False).returncode)  # noqa: S603  # what it is for
        os.execv(argv[0], argv)  # noqa: S606  # this is what it is for
    except OSError as error:
        sys.exit(f"{argv[0]} cannot be run: {error.strerror}")


if __name__ == "__main__":
    main()

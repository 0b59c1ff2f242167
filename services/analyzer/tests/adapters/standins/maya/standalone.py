"""Starts Maya without a window; Maya says so on standard output, like much else."""

import os
import sys

started: list[str] = []


def initialize(name: str) -> None:
    """Start."""
    assert name == "python"
    assert os.environ["MAYA_APP_DIR"].startswith(os.environ["HOME"])  # noqa: TID251  # Maya's own
    started.append(name)
    sys.stdout.write("Maya says hello\n")
    sys.stdout.flush()

"""Fixtures that every member of the workspace shares."""

from lightmill.testing.blender import blender_python, run_blender

__all__ = ["blender_python", "run_blender"]

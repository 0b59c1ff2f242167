"""Run by Unreal's Python plug-in at start: makes the executor's class known."""

import lightmill_executor  # noqa: F401  # importing it is enough

"""Starts a farm, lets a blocking program use it from a thread, and stops it."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil

from lightmill.local.config import LocalSettings
from lightmill.local.farm import LocalFarm, farm
from lightmill.render_node.engines.leftovers import mark_of
from lightmill.runtime import logs

Outcome = TypeVar("Outcome")


def drive(settings: LocalSettings, program: Callable[[LocalFarm], Outcome]) -> Outcome:
    """Return what `program` returns, given a farm that runs as long as it does.

    The farm's log goes to `farm.log` in its folder.
    """

    async def run() -> Outcome:
        async with farm(settings) as running:
            return await asyncio.to_thread(program, running)

    with logged(settings.data):
        return asyncio.run(run())


@contextmanager
def logged(data: Path) -> Iterator[Path]:
    """Send the log of this process to `farm.log` in `data` for the block; gives the file."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / "farm.log"
    with path.open("a") as file:
        logs.configure("local", stream=file)
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        try:
            yield path
        finally:
            logging.getLogger().handlers.clear()


def leftovers(settings: LocalSettings) -> list[str]:
    """Return the command lines of processes that the farm on this folder has left running."""
    names = (f"node-{number}" for number in range(1, settings.nodes + 1))
    marks = [mark_of(settings.data / "nodes" / name) for name in names]
    found = psutil.Process().children(recursive=True)
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        if any(value.startswith(mark) for value in environment.values() for mark in marks):
            found.append(process)
    return sorted({" ".join(_command(process)) for process in found})


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline() or [process.name()]
    except psutil.Error:
        return ["(gone)"]

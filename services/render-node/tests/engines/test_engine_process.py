"""What a process says and holds is known by the time that it tells of it."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lightmill.render_node.engines.output_log import OutputLog
from lightmill.render_node.engines.process import EngineProcess, ProcessPlan

TALKATIVE = """
import os, pathlib, sys, time
os.write(1, b"begins\\n")
pathlib.Path("begun").touch()
while not os.path.exists("go"): time.sleep(0.001)
os.write(2, b"words of the frame\\n")
os.write(1, b"frame done\\n")
pathlib.Path("done").touch()
time.sleep(600)
"""
GROWING = """
import sys
held = []
for line in sys.stdin:
    held.append(b"x" * int(line))
    print("grown", flush=True)
"""
RAM = 2**28


class Room:
    """A folder, and processes in it that are gone when the test is over."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log.txt"
        self._output = OutputLog(self.log)
        self._started: list[EngineProcess] = []

    async def start(self, program: str) -> EngineProcess:
        plan = ProcessPlan(
            argv=(sys.executable, "-I", "-S", "-c", program),
            environment={},
            folder=self.folder,
            mark=f"test:{self.folder}",
            ram=RAM,
        )
        process = EngineProcess(plan, self._output)
        self._started.append(process)
        await process.start()
        return process

    async def close(self) -> None:
        for process in self._started:
            await process.close()
        self._output.close()


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    room = Room(tmp_path)
    yield room
    await room.close()


async def test_what_was_said_before_a_line_is_in_the_log_when_the_line_is_read(
    room: Room,
) -> None:
    """Though the loop knew of the line's pipe alone when it began to read."""
    process = await room.start(TALKATIVE)

    def goes_on() -> None:
        (room.folder / "go").touch()
        blocked_until(room.folder / "done")

    blocked_until(room.folder / "begun")
    asyncio.get_running_loop().call_soon(goes_on)  # it runs before what the loop finds readable
    assert [await process.line(), await process.line()] == ["begins", "frame done"]
    assert room.log.read_text() == "words of the frame\n"


def blocked_until(file: Path) -> None:
    """Return when the file is there; the loop stands still meanwhile."""
    end = time.monotonic() + 25
    while not file.exists():
        assert time.monotonic() < end, f"{file.name} never came"
        time.sleep(0.001)


async def test_the_memory_that_is_told_is_that_of_now(room: Room) -> None:
    process = await room.start(GROWING)
    process.send("1")
    assert await process.line() == "grown"
    for grown in range(1, 6):
        process.send(str(RAM // 8))
        assert await process.line() == "grown"
        assert process.memory_share >= grown / 8
